"""The outcomes of the frames that a client sent: counts that always add up, and round trips."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.contract.outcomes import Outcome


@dataclass(slots=True)
class FrameCounts:
    """The counts of one session: ``sent`` is always answered + dropped + expired + those without an outcome yet.

    ``dropped`` is by reason, ``labels`` by top label.
    """

    sent: int = 0
    answered: int = 0
    expired: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    round_trips: list[float] = field(default_factory=list)  # milliseconds, of answered frames

    def answer(self, label: str, round_trip_ms: float) -> None:
        """A frame came back with labels."""
        self.answered += 1
        self.labels[label] += 1
        self.round_trips.append(round_trip_ms)

    def drop(self, reason: str) -> None:
        """A frame came back without labels."""
        if reason == Outcome.EXPIRED:
            self.expired += 1
        else:
            self.dropped[reason] += 1

    def outcomes(self) -> dict[str, Any]:
        """How many frames were sent and had each outcome, with the keys of ``sightstream stream --json``."""
        return {
            "sent": self.sent,
            "answered": self.answered,
            "dropped": dict(sorted(self.dropped.items())),
            "expired": self.expired,
        }

    def report(self) -> dict[str, Any]:
        """``outcomes``, and the percentiles of the round trips."""
        return {**self.outcomes(), "latency_ms": latency(self.round_trips)}


def total(counts: Sequence[FrameCounts]) -> FrameCounts:
    """The counts of several sessions, added up."""
    return FrameCounts(
        sent=sum(each.sent for each in counts),
        answered=sum(each.answered for each in counts),
        expired=sum(each.expired for each in counts),
        dropped=sum((each.dropped for each in counts), Counter()),
        labels=sum((each.labels for each in counts), Counter()),
        round_trips=[ms for each in counts for ms in each.round_trips],
    )


def latency(round_trips: Sequence[float]) -> dict[str, float | None]:
    """p50, p95, p99 (by nearest rank) and the maximum of durations in milliseconds; None if there are none."""
    ordered = sorted(round_trips)
    if not ordered:
        return {"p50": None, "p95": None, "p99": None, "max": None}
    ranks = {f"p{share}": ordered[-(-len(ordered) * share // 100) - 1] for share in (50, 95, 99)}
    return {key: round(ms, 2) for key, ms in (ranks | {"max": ordered[-1]}).items()}
