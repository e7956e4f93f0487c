"""Everything that a gateway counts, by name. Canaries count only where a name says so.

What concerns a frame is counted as it passes, at 5 to 7 µs a frame in all: `tests/web/test_metrics.py` watches over
it. The rest is looked at when it is asked for. A frame's fate is counted once, when the topic first tells it, so that
received = answers + drops + expired + unanswered as long as no socket moves between gateways.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from streams.contract.canary import is_canary
from streams.contract.messages import Prediction
from streams.contract.outcomes import CAPTURED, SERVER_HOPS, Hop, Outcome
from streams.contract.prometheus import BucketCounts, Exporter, MetricSpec, Sample
from web.protocol import Upload
from web.sessions import Session

SESSIONS = MetricSpec("sightstream_gateway_sessions", "gauge", "Sessions that have a socket now.")
SOCKETS = MetricSpec("sightstream_gateway_sockets", "gauge", "Open WebSockets, those without a session included.")
UNANSWERED = MetricSpec(
    "sightstream_gateway_unanswered_frames", "gauge", "Frames that were taken and have no fate yet."
)
WORKERS = MetricSpec("sightstream_gateway_workers", "gauge", "Workers that said lately that they live.")
RECEIVED = MetricSpec("sightstream_gateway_frames_received_total", "counter", "Frames that browsers sent.")
ANSWERS = MetricSpec(
    "sightstream_gateway_answers_delivered_total", "counter", "Frames answered with labels.", ("model", "version")
)
DROPS = MetricSpec("sightstream_gateway_drops_total", "counter", "Frames dropped.", ("reason", "stage"))
EXPIRED_FRAMES = MetricSpec("sightstream_gateway_expired_total", "counter", "Frames given up without an answer.")
HOP_SECONDS = MetricSpec(
    "sightstream_gateway_hop_seconds",
    "histogram",
    "Seconds that answered frames took to the end of each hop from the end of the one before, captured the first.",
    ("hop",),
)
ROUND_TRIP = MetricSpec(
    "sightstream_gateway_round_trip_seconds",
    "histogram",
    "Seconds from a frame's capture until its label was shown, as browsers measured them.",
)
READY = MetricSpec("sightstream_gateway_ready", "gauge", "1 while canary frames come back with labels, 0 otherwise.")
CANARY_TRIP = MetricSpec(
    "sightstream_gateway_canary_round_trip_seconds", "gauge", "Seconds that the last canary took, if there was one."
)

NAMED = (
    SESSIONS,
    SOCKETS,
    UNANSWERED,
    WORKERS,
    RECEIVED,
    ANSWERS,
    DROPS,
    EXPIRED_FRAMES,
    HOP_SECONDS,
    ROUND_TRIP,
    READY,
    CANARY_TRIP,
)

_STEPS = {CAPTURED, *SERVER_HOPS}


class Metrics:
    """One gateway's counts; ``look`` gives the samples of what is not counted but looked at."""

    def __init__(self) -> None:
        self.received = 0
        self.expired = 0
        self.answers: Counter[tuple[str, str]] = Counter()  # (model, version)
        self.drops: Counter[tuple[str, str]] = Counter()  # (reason, stage)
        self.hops = {hop: BucketCounts() for hop in Hop}
        self._server_hops = [(hop, self.hops[hop]) for hop in SERVER_HOPS]
        self.round_trip = BucketCounts()
        self.look: Callable[[], Iterable[Sample]] = tuple
        self.register = Exporter(NAMED, self._samples)

    def took(self, session: Session, upload: Upload) -> None:
        """Count a frame that a session's browser sent, and the round trips it tells of."""
        if is_canary(session.id):
            return
        self.received += 1
        session.traffic.received += 1
        for seq, round_trip_ms in upload.echoes:
            session.traffic.round_trip_ms = round_trip_ms
            self.round_trip.add(round_trip_ms / 1000)
            if (told := session.settled.get(seq)) and (times := told.times).keys() >= _STEPS:
                self.hops[Hop.DELIVERED].add((round_trip_ms - times[Hop.PUBLISHED] + times[CAPTURED]) / 1000)

    def settled(self, session: Session, prediction: Prediction, frames: int, now: float) -> None:
        """Count the fate of so many of a session's ``frames``, which ``prediction`` is news of."""
        if not frames or is_canary(session.id):
            return
        outcome = prediction.outcome
        if outcome == Outcome.ANSWERED:
            session.traffic.answer(now)
            self.answers[prediction.model, prediction.version] += frames
            if (times := prediction.times).keys() >= _STEPS:
                start = times[CAPTURED]
                for hop, durations in self._server_hops:
                    end = times[hop]
                    durations.add((end - start) / 1000)
                    start = end
        elif outcome == Outcome.EXPIRED:
            session.traffic.expired += frames
            self.expired += frames
        else:
            session.traffic.dropped[outcome] += frames
            self.drops[outcome, prediction.stage] += frames

    def _samples(self) -> Iterable[Sample]:
        yield RECEIVED, (), self.received
        yield EXPIRED_FRAMES, (), self.expired
        for labels, number in self.answers.items():
            yield ANSWERS, labels, number
        for labels, number in self.drops.items():
            yield DROPS, labels, number
        for hop, durations in self.hops.items():
            yield HOP_SECONDS, (hop,), durations
        yield ROUND_TRIP, (), self.round_trip
        yield from self.look()
