"""Histograms of durations with buckets that grow by 5 %, so that a quantile is within 2.5 % of the exact value.

A histogram is a mapping from the number of a bucket to its count. The scheme is DDSketch (Masson, Rim and Lee,
"DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019). There are 321
buckets, from 0.1 ms to 10 minutes, so a histogram needs at most one or two kilobytes.
"""

import math
from collections.abc import Mapping, MutableMapping, Sequence

GROWTH = 1.05
SHORTEST_MS = 0.1
LONGEST_MS = 600_000.0

_PER_LOG = 1 / math.log(GROWTH)


def bucket(ms: float) -> int:
    """The bucket of a duration in milliseconds. Bucket k contains GROWTH^(k-1) < ms <= GROWTH^k."""
    return math.ceil(math.log(min(max(ms, SHORTEST_MS), LONGEST_MS)) * _PER_LOG)


def add(histogram: MutableMapping[int, int], ms: float) -> None:
    """Count a duration in milliseconds."""
    key = bucket(ms)
    histogram[key] = histogram.get(key, 0) + 1


def quantile(histogram: Mapping[int, int], q: float) -> float | None:
    """The quantile ``q`` (0 to 1) in milliseconds, or None for an empty histogram."""
    rank = max(1, math.ceil(q * sum(histogram.values())))
    for key in sorted(histogram):
        rank -= histogram[key]
        if rank <= 0:
            # this value has the same relative error to both edges of the bucket
            return float(2 * GROWTH**key / (GROWTH + 1))
    return None


def merge(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    """The sum of two histograms."""
    return {key: one.get(key, 0) + other.get(key, 0) for key in sorted({*one, *other})}


def pack(histogram: Mapping[int, int]) -> list[int]:
    """The first bucket's number, then the counts of all buckets up to the last: half as long as a JSON object."""
    if not histogram:
        return []
    first, last = min(histogram), max(histogram)
    return [first, *(histogram.get(key, 0) for key in range(first, last + 1))]


def unpack(packed: Sequence[int]) -> dict[int, int]:
    """The histogram from its packed form.

    Raises:
        ValueError: it has buckets that do not exist.
    """
    if not packed:
        return {}
    first, *counts = packed
    if first < bucket(SHORTEST_MS) or first + len(counts) - 1 > bucket(LONGEST_MS) or min(counts, default=0) < 0:
        raise ValueError(f"no histogram begins at bucket {first} and has {len(counts)} counts")
    return {first + place: number for place, number in enumerate(counts) if number}
