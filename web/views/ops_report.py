"""What the operations view shows: the gateway, its sessions and the workers.

The fields' names are those of the JSON documents. Times are milliseconds since 1970, counts are since this gateway's
start; units are in the names.
"""

import os

import msgspec

from streams.contract.logs import SESSION_PREFIX
from streams.contract.messages import ServedModel, WorkerStatus
from web.sessions import Session
from web.state import GatewayState

MAX_SESSIONS = 200  # in the view, the busiest


class Load(msgspec.Struct, frozen=True):
    """How busy the gateway and its machine are now."""

    sockets: int  # those without a session included
    sessions: int  # with a socket
    unanswered: int  # frames
    cpus: int | None
    load_average: list[float] | None  # of the last 1, 5 and 15 minutes, where the system has it


class DropCount(msgspec.Struct, frozen=True):
    """How many frames were dropped for one reason at one stage."""

    reason: str
    stage: str
    frames: int


class AnswerCount(msgspec.Struct, frozen=True):
    """How many frames one version of a model has answered."""

    model: str
    version: str
    frames: int


class WorkerModel(msgspec.Struct, frozen=True):
    """A model that a worker serves."""

    name: str
    version: str
    input_size: int  # pixels, the side of its square input
    engine: str
    precision: str


class WorkerSummary(msgspec.Struct, frozen=True):
    """A worker's last status. ``fps``, batches and ``queue_age_ms`` are since its status before that one."""

    worker: str
    at: float  # when the worker sent it
    silent_s: float  # since then
    models: list[WorkerModel]
    fps: float  # answered frames a second
    batch_sizes: list[list[int]]  # pairs: a size, how many batches had it
    mean_batch: float | None  # frames; None without a batch
    queue_age_ms: float  # age of the oldest frame when the engine took it
    waiting: int  # frames
    lag: dict[int, int]  # frames that the worker has not read yet, by partition
    drops: dict[str, int]  # frames by reason, since the worker's start
    rejected: int  # records that it could not use, since its start


class SessionSummary(msgspec.Struct, frozen=True):
    """One session's frames."""

    session: str
    connected: bool
    model: str | None  # that answers it; None without a socket or such a model
    fps: float  # answered frames a second in the last three seconds
    in_flight: int  # frames with the workers
    credits: int
    round_trip_ms: float | None  # the last one from capture to label that the browser measured
    received: int
    answered: int
    expired: int
    dropped: dict[str, int]  # by reason
    silent_s: float  # since the last frame


class SessionList(msgspec.Struct, frozen=True):
    """All sessions, with their whole ids."""

    now: float
    sessions: list[SessionSummary]


class OperationsReport(msgspec.Struct, frozen=True):
    """All that the operations view shows. Canary frames are not counted."""

    now: float
    gateway: str
    ready: bool
    canary_ms: float | None  # the last round trip of a canary frame
    canary_at: float | None  # when that frame came back
    read_at: float | None  # when this gateway last heard from Kafka
    own_partitions: list[int]  # in which this gateway's new sessions begin
    read_partitions: list[int]  # these, and those of sessions that came from other gateways
    load: Load
    received: int
    answered: int
    expired: int
    rejected: int  # records of Kafka that this gateway could not use
    drops: list[DropCount]
    models: list[AnswerCount]
    workers: list[WorkerSummary]
    sessions: list[SessionSummary]  # the busiest
    more_sessions: int  # those that are not listed


def operations_report(state: GatewayState) -> OperationsReport:
    """The report as of now, with only the beginnings of the sessions' ids."""
    hub, canary, metrics = state.hub, state.canary, state.hub.metrics
    now = hub.now_ms()
    busiest = sorted(
        hub.sessions(), key=lambda each: (each.id not in hub.outboxes, -each.traffic.fps(now), -each.last_seen)
    )
    return OperationsReport(
        now=now,
        gateway=canary.name,
        ready=canary.ready,
        canary_ms=round(canary.last.took_ms, 1) if canary.last else None,
        canary_at=round(now - 1000 * canary.silent_s) if canary.last else None,
        read_at=state.broker.read_at,
        own_partitions=sorted(hub.partitions.own),
        read_partitions=sorted(hub.partitions.needed),
        load=Load(
            sockets=len(state.connection_limit),
            sessions=state.connected,
            unanswered=state.unanswered,
            cpus=os.cpu_count(),
            load_average=[round(each, 2) for each in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        ),
        received=metrics.received.total,
        answered=metrics.answers.total,
        expired=metrics.expired.total,
        rejected=metrics.rejected.total,
        drops=[DropCount(reason, stage, frames) for (reason, stage), frames in sorted(metrics.drops.values.items())],
        models=[
            AnswerCount(model, version, frames) for (model, version), frames in sorted(metrics.answers.values.items())
        ],
        workers=[worker_summary(each, now) for each in hub.workers()],
        sessions=[session_summary(each, each.id[:SESSION_PREFIX], state, now) for each in busiest[:MAX_SESSIONS]],
        more_sessions=max(0, len(busiest) - MAX_SESSIONS),
    )


def session_list(state: GatewayState) -> SessionList:
    """All sessions as of now, with their whole ids."""
    now = state.hub.now_ms()
    return SessionList(now, [session_summary(each, each.id, state, now) for each in state.hub.sessions()])


def session_summary(session: Session, shown_id: str, state: GatewayState, now: float) -> SessionSummary:
    """The row of one session, which is called ``shown_id`` there."""
    outbox = state.hub.outboxes.get(session.id)
    served = state.hub.model_for(outbox.model) if outbox else None
    traffic = session.traffic
    return SessionSummary(
        session=shown_id,
        connected=outbox is not None,
        model=served.name if served else None,
        fps=round(traffic.fps(now), 1),
        in_flight=session.in_flight,
        credits=session.settings.credits,
        round_trip_ms=None if traffic.round_trip_ms is None else round(traffic.round_trip_ms, 1),
        received=traffic.received,
        answered=traffic.answered,
        expired=traffic.expired,
        dropped=dict(sorted(traffic.dropped.items())),
        silent_s=round((now - session.last_seen) / 1000, 1),
    )


def worker_summary(status: WorkerStatus, now: float) -> WorkerSummary:
    """The row of one worker."""
    batches = sum(number for _, number in status.batch_sizes)
    frames = sum(size * number for size, number in status.batch_sizes)
    return WorkerSummary(
        worker=status.worker,
        at=status.at,
        silent_s=round((now - status.at) / 1000, 1),
        models=[worker_model(each) for each in status.models],
        fps=status.fps,
        batch_sizes=status.batch_sizes,
        mean_batch=round(frames / batches, 2) if batches else None,
        queue_age_ms=status.queue_age_ms,
        waiting=status.waiting,
        lag={int(partition): frames for partition, frames in status.lag.items()},
        drops=status.drops,
        rejected=status.rejected,
    )


def worker_model(model: ServedModel) -> WorkerModel:
    """A model of a worker's status."""
    return WorkerModel(model.name, model.version, model.input_size, model.engine, model.precision)
