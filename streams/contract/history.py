"""A session's past in slots of time that get longer as they get older, so that it never takes much room.

The last minute is told in steps of 2 s, the last six minutes in steps of 20 s, the last hour in steps of 2 minutes
and all before in half hours: at most 150 slots for a day, each some 70 bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.contract import histogram
from streams.contract.outcomes import Hop

FINEST_S = 2
TIERS = ((60, 20), (360, 120), (3600, 1800))  # older than this many seconds: slots of so many; each divides the next
LABELS_KEPT = 4  # of a slot that is over, the most frequent
MOST_SLOTS = 200


@dataclass(slots=True)
class Slot:
    """What happened from ``start`` on, in seconds since 1970, for ``width`` seconds.

    ``latency`` is a histogram of milliseconds from capture to label, ``hops`` the sum of milliseconds for each of
    ``Hop``, ``labels`` the answers by the label's place among the session's labels.
    """

    start: int
    width: int = FINEST_S
    answered: int = 0
    dropped: int = 0
    expired: int = 0
    latency: dict[int, int] = field(default_factory=dict)
    hops: list[float] = field(default_factory=lambda: [0.0] * len(Hop))
    labels: dict[int, int] = field(default_factory=dict)

    def pack(self) -> list[Any]:
        """The slot as a list for JSON."""
        return [
            self.start,
            self.width,
            self.answered,
            self.dropped,
            self.expired,
            histogram.pack(self.latency),
            self.hops.copy(),
            [number for pair in self.labels.items() for number in pair],
        ]

    @classmethod
    def unpack(cls, packed: Sequence[Any]) -> "Slot":
        """The slot that was packed."""
        start, width, answered, dropped, expired, latency, hops, labels = packed
        pairs = dict(zip(labels[::2], labels[1::2], strict=True))
        return cls(start, width, answered, dropped, expired, histogram.unpack(latency), list(hops), pairs)


def slot_start(at_ms: float) -> int:
    """Where the finest slot that holds a time in milliseconds since 1970 starts, in seconds."""
    return int(at_ms / 1000) // FINEST_S * FINEST_S


def coarsen(history: Sequence[list[Any]], now_s: int) -> list[list[Any]]:
    """``history``, packed slots, with what has become old told in longer slots."""
    after: list[list[Any]] = []
    for packed in history:
        start, width = _place(packed[0], packed[1], now_s)
        if after and after[-1][0] == start:
            after[-1] = _merge(Slot.unpack(after[-1]), Slot.unpack(packed)).pack()
        elif width == packed[1]:
            after.append(packed)
        else:
            after.append([start, width, *packed[2:]])
    return after[-MOST_SLOTS:]


def _place(start: int, width: int, now_s: int) -> tuple[int, int]:
    for age, wider in TIERS:
        wide_start = start // wider * wider
        # a wide slot is made at once, of all its parts
        if wider > width and now_s - (wide_start + wider) >= age:
            start, width = wide_start, wider
    return start, width


def _merge(one: Slot, other: Slot) -> Slot:
    labels = {
        place: one.labels.get(place, 0) + other.labels.get(place, 0) for place in sorted({*one.labels, *other.labels})
    }
    kept = sorted(labels, key=lambda place: -labels[place])[:LABELS_KEPT]
    return Slot(
        one.start,
        one.width,
        one.answered + other.answered,
        one.dropped + other.dropped,
        one.expired + other.expired,
        histogram.merge(one.latency, other.latency),
        [round(a + b, 1) for a, b in zip(one.hops, other.hops, strict=True)],
        {place: labels[place] for place in kept},
    )
