"""A session's statistics, and the one pure step that brings them up to date.

Durations are counted in histograms whose buckets grow by 5 %, so that any quantile is within 2.5 % of the truth
whatever its size, and two histograms add up bucket by bucket. The scheme is DDSketch's (Masson, Rim and Lee,
"DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019).
"""

import math
from collections.abc import Mapping

import faust

from streams.messages import ANSWERED, EXPIRED, Prediction

GROWTH = 1.05
SHORTEST_MS = 0.1
LONGEST_MS = 600_000.0

REMEMBERED = 256  # sequence numbers; a frame's fate is known long before its session sends that many more

HOPS = ("received", "queued", "decoded", "classified", "published")


class SessionStats(faust.Record, serializer="sightstream", include_metadata=False):
    """What is known of one session. Times are milliseconds since 1970.

    ``labels`` counts raw top-1 labels, ``models`` answers by version, ``hops`` holds a histogram for each hop (named
    for where it ends) and ``latency`` the one from capture to label on screen, as the client measured it: bucket →
    count. Every sequence number up to ``floor``, and those in ``beyond``, are counted: a replay changes nothing.
    """

    session: str
    started: float
    last_seen: float
    answered: int = 0
    expired: int = 0
    dropped: dict[str, int] = {}  # noqa: RUF012
    labels: dict[str, int] = {}  # noqa: RUF012
    models: dict[str, int] = {}  # noqa: RUF012
    latency: dict[str, int] = {}  # noqa: RUF012
    hops: dict[str, dict[str, int]] = {}  # noqa: RUF012
    floor: int = 0
    beyond: list[int] = []  # noqa: RUF012

    @property
    def sent(self) -> int:
        """Frames whose fate is known."""
        return self.answered + self.expired + sum(self.dropped.values())


def add(before: SessionStats | None, prediction: Prediction, now: float) -> SessionStats:
    """``before`` and one more prediction, or ``before`` itself where its frame's fate was known already."""
    stats = before or SessionStats(session=prediction.session, started=now, last_seen=now)
    if prediction.seq <= stats.floor or prediction.seq in stats.beyond:
        return stats
    floor, beyond = _seen(stats.floor, stats.beyond, prediction.seq)
    answered = prediction.outcome == ANSWERED
    expired = prediction.outcome == EXPIRED
    top = prediction.labels[0].label if prediction.labels else ""
    return SessionStats(
        session=stats.session,
        started=stats.started,
        last_seen=now,
        answered=stats.answered + answered,
        expired=stats.expired + expired,
        dropped=stats.dropped if answered or expired else _more(stats.dropped, prediction.outcome),
        labels=_more(stats.labels, top) if answered else stats.labels,
        models=_more(stats.models, prediction.version) if answered else stats.models,
        latency=_longer(stats.latency, [ms for _, ms in prediction.echoes]),
        hops=_hops(stats.hops, prediction.times) if answered else stats.hops,
        floor=floor,
        beyond=beyond,
    )


def bucket(ms: float) -> str:
    """The bucket of a duration in milliseconds; bucket k holds GROWTH^(k-1) < ms <= GROWTH^k."""
    return str(math.ceil(math.log(min(max(ms, SHORTEST_MS), LONGEST_MS), GROWTH)))


def quantile(histogram: Mapping[str, int], q: float) -> float | None:
    """The duration in milliseconds below which a share ``q`` of a histogram lies; None for an empty one."""
    total = sum(histogram.values())
    rank = max(1, math.ceil(q * total))
    for key in sorted(histogram, key=int):
        rank -= histogram[key]
        if rank <= 0:
            # the value with equal relative error to both edges of the bucket
            return float(2 * GROWTH ** int(key) / (GROWTH + 1))
    return None


def _seen(floor: int, beyond: list[int], seq: int) -> tuple[int, list[int]]:
    numbers = sorted({*beyond, seq})
    floor = max(floor, numbers[-1] - REMEMBERED)
    while numbers and numbers[0] <= floor + 1:
        floor = max(floor, numbers.pop(0))
    return floor, numbers


def _more(counts: Mapping[str, int], key: str) -> dict[str, int]:
    return {**counts, key: counts.get(key, 0) + 1}


def _longer(histogram: dict[str, int], durations: list[float]) -> dict[str, int]:
    for ms in durations:
        histogram = _more(histogram, bucket(ms))
    return histogram


def _hops(hops: Mapping[str, dict[str, int]], times: Mapping[str, float]) -> dict[str, dict[str, int]]:
    after = dict(hops)
    for start, end in zip(("captured", *HOPS), HOPS, strict=False):
        if start in times and end in times:
            after[end] = _longer(after.get(end, {}), [times[end] - times[start]])
    return after
