"""The report of a session's statistics.

The fields' names and order are those of the JSON document and of the CSV table. Times are milliseconds since 1970;
other units are in the names.
"""

from collections.abc import Mapping

import msgspec

from streams.contract import histogram
from streams.contract.history import Slot
from streams.contract.outcomes import Hop
from streams.contract.stats import LabelStats, SessionStats

RATE_S = 10  # a rate "now" is over this many seconds
DELAY_S = 6  # and a delay "now" over these
LIVE_MS = 5000.0  # a session that was seen within this time is live


class Quantiles(msgspec.Struct, frozen=True):
    """Quantiles of durations in milliseconds, within 2.5 %; None where there are no durations."""

    p50: float | None
    p95: float | None
    p99: float | None


class TopLabel(msgspec.Struct, frozen=True):
    """The top-1 label of the newest answered frame, and how many frames in a row have had it."""

    label: str
    streak: int


class SteadyLabel(msgspec.Struct, frozen=True):
    """The smoothed label, and its smoothed probability, 0 to 1."""

    label: str
    probability: float


class Switches(msgspec.Struct, frozen=True):
    """How often the top-1 label and the smoothed label have changed."""

    raw: int
    steady: int


class SwitchRates(msgspec.Struct, frozen=True):
    """How often they changed in a minute."""

    raw: float
    steady: float


class LabelReport(msgspec.Struct, frozen=True):
    """How one top-1 label did."""

    label: str
    answers: int
    share: float  # of all answered frames, 0 to 1
    confidence: float  # mean probability, 0 to 1
    on_top_s: float  # seconds during which it was the newest label
    times_on_top: int
    dwell_s: float  # mean seconds of one time on top


class SlotReport(msgspec.Struct, frozen=True):
    """What happened in the ``seconds`` from ``start`` on."""

    start: int
    seconds: int
    answered: int
    dropped: int
    expired: int
    latency_ms: Quantiles
    hops_ms: dict[Hop, float]  # means
    labels: dict[str, int]  # answers


class SessionHere(msgspec.Struct, frozen=True):
    """What this gateway itself knows of the session, which is newer than the statistics."""

    connected: bool
    received_at: float | None  # when its newest frame came
    answered_at: float | None  # when the newest answer for it came
    unanswered: int  # frames that have no outcome yet


class Freshness(msgspec.Struct, frozen=True):
    """From when the report's facts are; None for never."""

    read_at: float | None = None  # when this gateway last heard from Kafka
    worker_at: float | None = None  # when a worker last reported
    here: SessionHere | None = None  # None where the session was not at this gateway lately


NOTHING_KNOWN = Freshness()


class SessionReport(msgspec.Struct, frozen=True):
    """All statistics of a session. Frames are counted when their outcome is known."""

    session: str
    sent: int
    answered: int
    dropped: dict[str, int]  # by reason
    expired: int
    labels: dict[str, int]  # answers of each top-1 label, the most frequent first
    latency_ms: Quantiles  # from capture to label on screen, as the browser measured it
    hops_ms: dict[Hop, Quantiles]
    fps: float  # answered frames a second, in the last RATE_S of the session
    models: dict[str, int]  # answers of each version
    started: float
    last_seen: float
    now: float
    live: bool
    model_names: dict[str, str]  # by version
    delay_ms: float | None  # median latency in the last DELAY_S of the session
    recent_hops_ms: dict[Hop, float]  # means in the last RATE_S of the session
    watched_s: float
    top: TopLabel
    steady: SteadyLabel
    switches: Switches
    switches_per_minute: SwitchRates
    label_stats: list[LabelReport]  # the most frequent first
    history: list[SlotReport]  # the oldest first
    answered_at: float | None  # when the newest counted answer was published
    freshness: Freshness


def session_report(stats: SessionStats, now_ms: float, freshness: Freshness = NOTHING_KNOWN) -> SessionReport:
    """The report of a session's statistics at the time ``now_ms``."""
    slots = [*map(Slot.unpack, stats.history), *([stats.slot] if stats.slot else [])]
    names = list(stats.labels)
    ranked = sorted(stats.labels.items(), key=lambda item: -item[1].answers)
    recent = _last(slots, stats.last_seen, RATE_S)
    latest = _last(slots, stats.last_seen, DELAY_S)
    return SessionReport(
        session=stats.session,
        sent=stats.sent,
        answered=stats.answered,
        dropped=dict(sorted(stats.dropped.items())),
        expired=stats.expired,
        labels={label: each.answers for label, each in ranked},
        latency_ms=_quantiles(stats.latency),
        hops_ms={hop: _quantiles(stats.hops[hop]) for hop in Hop if hop in stats.hops},
        fps=_rate(recent, stats),
        models=stats.models,
        started=stats.started,
        last_seen=stats.last_seen,
        now=now_ms,
        live=now_ms - stats.last_seen < LIVE_MS,
        model_names=stats.names,
        delay_ms=_rounded(histogram.quantile(_latency(latest), 0.5)),
        recent_hops_ms=_means(recent),
        watched_s=round(stats.watched_ms / 1000, 1),
        top=TopLabel(stats.top, stats.streak),
        steady=SteadyLabel(stats.smoothed.label, round(stats.smoothed.probability, 4)),
        switches=Switches(stats.switches, stats.smoothed.switches),
        switches_per_minute=SwitchRates(
            _per_minute(stats.switches, stats.watched_ms), _per_minute(stats.smoothed.switches, stats.watched_ms)
        ),
        label_stats=[_label_report(label, each, stats.answered) for label, each in ranked],
        history=[_slot_report(slot, names) for slot in slots],
        answered_at=stats.answered_at or None,
        freshness=freshness,
    )


def empty_report(session: str, now_ms: float, freshness: Freshness = NOTHING_KNOWN) -> SessionReport:
    """The report of a session that has sent nothing yet."""
    return session_report(SessionStats(session, now_ms, now_ms), now_ms, freshness)


def _label_report(label: str, stats: LabelStats, answered: int) -> LabelReport:
    return LabelReport(
        label=label,
        answers=stats.answers,
        share=round(stats.answers / answered, 4),
        confidence=round(stats.probability_sum / stats.answers, 4),
        on_top_s=round(stats.on_top_ms / 1000, 1),
        times_on_top=stats.times_on_top,
        dwell_s=round(stats.on_top_ms / 1000 / max(1, stats.times_on_top), 2),
    )


def _slot_report(slot: Slot, names: list[str]) -> SlotReport:
    return SlotReport(
        start=slot.start * 1000,
        seconds=slot.width,
        answered=slot.answered,
        dropped=slot.dropped,
        expired=slot.expired,
        latency_ms=_quantiles(slot.latency),
        hops_ms=_means([slot]),
        labels={names[place]: number for place, number in slot.labels.items()},
    )


def _last(slots: list[Slot], last_seen: float, seconds: float) -> list[Slot]:
    return [slot for slot in slots if slot.start + slot.width > last_seen / 1000 - seconds]


def _rate(slots: list[Slot], stats: SessionStats) -> float:
    if not slots:
        return 0.0
    since = max(slots[0].start * 1000.0, stats.started)
    return round(sum(slot.answered for slot in slots) / max(1.0, (stats.last_seen - since) / 1000), 2)


def _per_minute(switches: int, watched_ms: float) -> float:
    return round(switches / (watched_ms / 60_000), 2) if watched_ms else 0.0


def _latency(slots: list[Slot]) -> dict[int, int]:
    merged: dict[int, int] = {}
    for slot in slots:
        merged = histogram.merge(merged, slot.latency)
    return merged


def _means(slots: list[Slot]) -> dict[Hop, float]:
    """Mean milliseconds of each hop. The last hop is known only of frames whose round trip the browser has sent."""
    answered, echoed = sum(slot.answered for slot in slots), sum(sum(slot.latency.values()) for slot in slots)
    counts = [answered] * (len(Hop) - 1) + [echoed]
    sums = [sum(slot.hops[place] for slot in slots) for place in range(len(Hop))]
    return {hop: round(ms / number, 2) for hop, ms, number in zip(Hop, sums, counts, strict=True) if number}


def _quantiles(counts: Mapping[int, int]) -> Quantiles:
    return Quantiles(*(_rounded(histogram.quantile(counts, q)) for q in (0.5, 0.95, 0.99)))


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 2)
