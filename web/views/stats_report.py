"""A session's statistics as people and programs read them: plain numbers, in JSON or as rows of a table."""

from collections.abc import Iterator, Mapping
from typing import Any

from streams.contract import histogram
from streams.contract.history import Slot
from streams.contract.outcomes import Hop
from streams.contract.stats import SessionStats

RECENT_S = 10  # what "now" means for a rate
DELAY_S = 6  # and for a delay
LIVE_MS = 5000.0

HEADER = ("statistic", "of", "value")


def report(stats: SessionStats, now_ms: float) -> dict[str, Any]:
    """Everything that is known of a session; times in milliseconds since 1970, units in the names.

    ``fps``, ``delay_ms`` and ``recent_hops_ms`` (means) are of the last seconds in which the session was seen.
    ``labels`` counts raw top-1 labels, the most frequent first; ``label_stats`` tells more of each.
    """
    slots = [*map(Slot.unpack, stats.history), *([stats.slot] if stats.slot else [])]
    names = list(stats.labels)
    ranked = sorted(stats.labels.items(), key=lambda item: -item[1].answers)
    minutes = stats.watched_ms / 60_000
    recent = _last(slots, stats.last_seen, RECENT_S)
    latest = _last(slots, stats.last_seen, DELAY_S)
    return {
        "session": stats.session,
        "sent": stats.sent,
        "answered": stats.answered,
        "dropped": dict(sorted(stats.dropped.items())),
        "expired": stats.expired,
        "labels": {label: each.answers for label, each in ranked},
        "latency_ms": _quantiles(stats.latency),
        "hops_ms": {hop: _quantiles(stats.hops[hop]) for hop in Hop if hop in stats.hops},
        "fps": _rate(recent, stats),
        "models": stats.models,
        "started": stats.started,
        "last_seen": stats.last_seen,
        "now": now_ms,
        "live": now_ms - stats.last_seen < LIVE_MS,
        "model_names": stats.names,
        "delay_ms": _rounded(histogram.quantile(_latency(latest), 0.5)),
        "recent_hops_ms": _means(recent),
        "watched_s": round(stats.watched_ms / 1000, 1),
        "top": {"label": stats.top, "streak": stats.streak},
        "steady": {"label": stats.smoothed.label, "probability": round(stats.smoothed.probability, 4)},
        "switches": {"raw": stats.switches, "steady": stats.smoothed.switches},
        "switches_per_minute": {
            "raw": round(stats.switches / minutes, 2) if minutes else 0.0,
            "steady": round(stats.smoothed.switches / minutes, 2) if minutes else 0.0,
        },
        "label_stats": [
            {
                "label": label,
                "answers": each.answers,
                "share": round(each.answers / stats.answered, 4),
                "confidence": round(each.probability_sum / each.answers, 4),
                "on_top_s": round(each.on_top_ms / 1000, 1),
                "times_on_top": each.times_on_top,
                "dwell_s": round(each.on_top_ms / 1000 / max(1, each.times_on_top), 2),
            }
            for label, each in ranked
        ],
        "history": [_told(slot, names) for slot in slots],
    }


def empty(session: str, now_ms: float) -> dict[str, Any]:
    """The report of a session that has sent nothing yet."""
    return report(SessionStats(session, now_ms, now_ms), now_ms)


def rows(told: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """A report as rows of ``HEADER``'s columns; what is told by name has the name in the second."""
    for statistic, value in told.items():
        if statistic in ("label_stats", "history"):
            for each in value:
                name, *others = each.items()  # the first tells of what the others are
                for key, inner in others:
                    for path, number in _leaves(inner):
                        yield f"{statistic}.{key}", ".".join([str(name[1]), *path]), number
        else:
            for path, number in _leaves(value):
                yield statistic, ".".join(path), number


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, str(key)))
    else:
        yield path, value


def _told(slot: Slot, names: list[str]) -> dict[str, Any]:
    return {
        "start": slot.start * 1000,
        "seconds": slot.width,
        "answered": slot.answered,
        "dropped": slot.dropped,
        "expired": slot.expired,
        "latency_ms": _quantiles(slot.latency),
        "hops_ms": _means([slot]),
        "labels": {names[place]: number for place, number in slot.labels.items()},
    }


def _last(slots: list[Slot], last_seen: float, seconds: float) -> list[Slot]:
    return [slot for slot in slots if slot.start + slot.width > last_seen / 1000 - seconds]


def _rate(slots: list[Slot], stats: SessionStats) -> float:
    if not slots:
        return 0.0
    since = max(slots[0].start * 1000.0, stats.started)
    return round(sum(slot.answered for slot in slots) / max(1.0, (stats.last_seen - since) / 1000), 2)


def _latency(slots: list[Slot]) -> dict[int, int]:
    merged: dict[int, int] = {}
    for slot in slots:
        merged = histogram.merge(merged, slot.latency)
    return merged


def _means(slots: list[Slot]) -> dict[str, float]:
    """Mean milliseconds of each hop; the last one is known of as many frames as have had their round trip told."""
    answered, echoed = sum(slot.answered for slot in slots), sum(sum(slot.latency.values()) for slot in slots)
    counts = [answered] * (len(Hop) - 1) + [echoed]
    sums = [sum(slot.hops[place] for slot in slots) for place in range(len(Hop))]
    return {hop: round(ms / number, 2) for hop, ms, number in zip(Hop, sums, counts, strict=True) if number}


def _quantiles(counts: Mapping[int, int]) -> dict[str, float | None]:
    return {f"p{share}": _rounded(histogram.quantile(counts, share / 100)) for share in (50, 95, 99)}


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 2)
