"""What many sessions need: cores, bytes and partitions, by arithmetic from what one frame costs."""

import math
from dataclasses import dataclass
from functools import cache

from infra.loadtest.sample_frames import samples
from infra.scaling.costs import Costs
from models.networks import NETWORKS
from streams.contract.messages import Frame, Label, Prediction
from streams.contract.outcomes import CAPTURED, SERVER_HOPS, Outcome, Stage
from streams.contract.stats import SessionStats

SESSIONS = (1_000, 10_000, 100_000, 1_000_000)
FPS = 5.0  # of a session
COPIES = 3  # of each message, in a cluster
BATCH = 8  # frames, under load
ROOM = 0.7  # the part of a core that is used: above it, frames wait and a lost worker cannot be made up for
WORKER_CORES = 4  # of a worker's machine
BROKER_BYTES_S = 125e6  # what a broker may take, and what it may give: 1 Gbit/s each way
STATISTICS_EVERY_S = 0.8  # a worker writes those of a session that sends, as in streams/statistics/tracking.py
GATEWAY_SOCKETS = 2_000  # the setting max_sockets


@dataclass(frozen=True, slots=True)
class MessageBytes:
    """The mean size of a frame, of a prediction and of a session's statistics in Kafka."""

    frame: int
    prediction: int
    statistics: int


@dataclass(frozen=True, slots=True)
class Needs:
    """What so many sessions need. Bytes are a second, cores are whole ones."""

    sessions: int
    frames_s: float
    worker_cores: int
    workers: int
    gateways: int
    brokers: int
    taken_bytes_s: float  # by all brokers, the copies included
    given_bytes_s: float  # by all brokers, to each other, too
    partitions: int
    statistics_bytes: int  # of all sessions
    statistics_bytes_s: float  # that workers write


def needs(sessions: int, costs: Costs, sizes: MessageBytes, fps: float = FPS) -> Needs:
    """What ``sessions`` need that each send ``fps`` frames a second."""
    frames_s, ms = sessions * fps, costs.frame_ms(BATCH)
    worker_cores = math.ceil(frames_s * (ms["engine"] + ms["worker"]) / 1000 / ROOM)
    workers = math.ceil(worker_cores / WORKER_CORES)
    gateways = max(math.ceil(frames_s * ms["gateway"] / 1000 / ROOM), math.ceil(sessions / GATEWAY_SOCKETS))
    statistics_s = sessions / STATISTICS_EVERY_S * sizes.statistics
    written = frames_s * (sizes.frame + sizes.prediction) + statistics_s
    read = frames_s * (sizes.frame + 2 * sizes.prediction)  # workers read both, each prediction goes to one gateway
    taken, given = written * COPIES, written * (COPIES - 1) + read
    return Needs(
        sessions=sessions,
        frames_s=frames_s,
        worker_cores=worker_cores,
        workers=workers,
        gateways=gateways,
        brokers=max(COPIES, math.ceil(max(taken, given) / BROKER_BYTES_S / ROOM)),
        taken_bytes_s=taken,
        given_bytes_s=given,
        partitions=2 * workers,  # a worker that is lost is made up for by all others
        statistics_bytes=sessions * sizes.statistics,
        statistics_bytes_s=statistics_s,
    )


def sessions_per_core(costs: Costs, fps: float = FPS) -> dict[str, float]:
    """How many sessions a core of each part serves, at most."""
    ms = costs.frame_ms(BATCH)
    parts = {"worker": ms["engine"] + ms["worker"], "broker": ms["broker"], "gateway": ms["gateway"]}
    return {name: ROOM * 1000 / cost / fps for name, cost in parts.items()}


@cache
def message_bytes(model: str = "efficientnet_lite0") -> MessageBytes:
    """The sizes of real messages: the sample pictures, a prediction with five labels, ten minutes of statistics."""
    network = NETWORKS[model]
    jpegs = [each.jpeg for each in samples(network.view)]
    session = "0" * 32
    frames = [Frame(session=session, seq=1, captured=1e12, received=1e12, jpeg=each) for each in jpegs]
    times = dict.fromkeys([CAPTURED, *SERVER_HOPS], 1795806077535.77)
    labels = [Label(281, "Egyptian cat", 0.61234)] * 5

    def prediction(seq: int) -> Prediction:
        return Prediction(
            session=session,
            seq=seq,
            outcome=Outcome.ANSWERED,
            stage=Stage.WORKER,
            labels=labels,
            model=model,
            version="0" * 12,
            input_size=network.input_size,
            times=times,
            echoes=[[seq - 1, 41.5]],
        )

    stats = SessionStats(session, 1e12, 1e12)
    for seq in range(1, int(600 * FPS)):
        stats.add(prediction(seq), 1e12 + seq * 1000 / FPS)
    return MessageBytes(
        frame=round(sum(len(each.dumps()) for each in frames) / len(frames)),
        prediction=len(prediction(2).dumps()),
        statistics=len(stats.dumps()),
    )
