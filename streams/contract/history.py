"""The history of a session in time slots. Old slots are merged into longer ones, so the history stays small.

The last minute has slots of 2 s, the last six minutes slots of 20 s, the last hour slots of 2 minutes, and all time
before that slots of 30 minutes. A day has at most 150 slots of about 70 bytes each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.contract import histogram
from streams.contract.outcomes import Hop

FINEST_S = 2
TIERS = ((60, 20), (360, 120), (3600, 1800))  # (age, width) in seconds; each width divides the next one
MAX_LABELS = 4  # a merged slot keeps only its most frequent labels
MAX_SLOTS = 200


@dataclass(slots=True)
class Slot:
    """What happened in ``width`` seconds from ``start`` on, in seconds since 1970.

    ``answered``, ``dropped`` and ``expired`` count frames. ``latency`` is a histogram of the milliseconds from
    capture to display. ``hops`` has the sum of milliseconds for each member of ``Hop``, in its order. ``labels``
    counts answers by the label's position in ``SessionStats.labels``.
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
        """The slot from its packed form.

        Raises:
            ValueError: it is no packed slot.
        """
        start, width, answered, dropped, expired, latency, hops, labels = packed
        if len(hops) != len(Hop):
            raise ValueError(f"a time slot with {len(hops)} hops instead of {len(Hop)}")
        pairs = dict(zip(labels[::2], labels[1::2], strict=True))
        return cls(start, width, answered, dropped, expired, histogram.unpack(latency), list(hops), pairs)


def slot_start(at_ms: float) -> int:
    """The start, in seconds, of the finest slot that contains a time in milliseconds; both since 1970."""
    return int(at_ms / 1000) // FINEST_S * FINEST_S


def coarsen(history: Sequence[list[Any]], now_s: int) -> list[list[Any]]:
    """The history with its old slots merged into longer ones. All slots are packed, the oldest first."""
    merged: list[list[Any]] = []
    for packed in history:
        start, width = _tier(packed[0], packed[1], now_s)
        if merged and merged[-1][0] == start:
            merged[-1] = _merge(Slot.unpack(merged[-1]), Slot.unpack(packed)).pack()
        elif width == packed[1]:
            merged.append(packed)
        else:
            merged.append([start, width, *packed[2:]])
    return merged[-MAX_SLOTS:]


def _tier(start: int, width: int, now_s: int) -> tuple[int, int]:
    """The start and width, in seconds, of the slot that a slot now belongs to."""
    for age, wider in TIERS:
        wide_start = start // wider * wider
        # all parts of a wide slot reach the age at once, when the last of them does
        if wider > width and now_s - (wide_start + wider) >= age:
            start, width = wide_start, wider
    return start, width


def _merge(one: Slot, other: Slot) -> Slot:
    labels = {
        place: one.labels.get(place, 0) + other.labels.get(place, 0) for place in sorted({*one.labels, *other.labels})
    }
    most_frequent = sorted(labels, key=lambda place: -labels[place])[:MAX_LABELS]
    return Slot(
        one.start,
        one.width,
        one.answered + other.answered,
        one.dropped + other.dropped,
        one.expired + other.expired,
        histogram.merge(one.latency, other.latency),
        [round(a + b, 1) for a, b in zip(one.hops, other.hops, strict=True)],
        {place: labels[place] for place in most_frequent},
    )
