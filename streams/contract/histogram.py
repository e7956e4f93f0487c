"""Durations counted in buckets that grow by 5 %, so that any quantile is within 2.5 % of the truth whatever its size.

A histogram is a mapping from a bucket's number to its count; two add up bucket by bucket. The scheme is DDSketch's
(Masson, Rim and Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB
2019). There are 321 buckets, from 0.1 ms to 10 minutes, so that a histogram never outgrows a kilobyte or two.
"""

import math
from collections.abc import Mapping, MutableMapping, Sequence

GROWTH = 1.05
SHORTEST_MS = 0.1
LONGEST_MS = 600_000.0

_PER_LOG = 1 / math.log(GROWTH)


def bucket(ms: float) -> int:
    """The bucket of a duration in milliseconds; bucket k holds GROWTH^(k-1) < ms <= GROWTH^k."""
    return math.ceil(math.log(min(max(ms, SHORTEST_MS), LONGEST_MS)) * _PER_LOG)


def count(histogram: MutableMapping[int, int], ms: float) -> None:
    """Add a duration in milliseconds to ``histogram``."""
    key = bucket(ms)
    histogram[key] = histogram.get(key, 0) + 1


def quantile(histogram: Mapping[int, int], q: float) -> float | None:
    """The duration in milliseconds below which a share ``q`` of a histogram lies; None for an empty one."""
    rank = max(1, math.ceil(q * sum(histogram.values())))
    for key in sorted(histogram):
        rank -= histogram[key]
        if rank <= 0:
            # the value with equal relative error to both edges of the bucket
            return float(2 * GROWTH**key / (GROWTH + 1))
    return None


def merge(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    """The histogram of all that either counted."""
    return {key: one.get(key, 0) + other.get(key, 0) for key in sorted({*one, *other})}


def pack(histogram: Mapping[int, int]) -> list[int]:
    """A histogram as its first bucket and then every count up to its last: half as long when it is written."""
    if not histogram:
        return []
    first, last = min(histogram), max(histogram)
    return [first, *(histogram.get(key, 0) for key in range(first, last + 1))]


def unpack(packed: Sequence[int]) -> dict[int, int]:
    """The histogram that was packed."""
    return {packed[0] + place: number for place, number in enumerate(packed[1:]) if number} if packed else {}
