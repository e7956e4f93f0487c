import random

import pytest

from streams.contract import histogram


@pytest.mark.parametrize("q", [0.5, 0.95, 0.99])
def test_quantiles_are_right_to_within_five_percent(q: float) -> None:
    durations = [random.Random(n).lognormvariate(3, 1) for n in range(5000)]
    counts: dict[int, int] = {}
    for ms in durations:
        histogram.add(counts, ms)
    exact = sorted(durations)[int(q * 5000) - 1]
    found = histogram.quantile(counts, q)
    assert found is not None
    assert abs(found / exact - 1) <= 0.026
    assert histogram.quantile(histogram.unpack(histogram.pack(counts)), q) == found


def test_an_empty_histogram_has_no_quantile() -> None:
    assert histogram.quantile({}, 0.5) is None
    assert histogram.unpack(histogram.pack({})) == {}


def test_times_that_make_no_sense_still_fall_into_a_bucket() -> None:
    assert histogram.bucket(-5.0) == histogram.bucket(0.0)
    assert histogram.bucket(1e12) == histogram.bucket(600_000.0)


def test_two_histograms_add_up_to_the_histogram_of_all() -> None:
    one: dict[int, int] = {}
    other: dict[int, int] = {}
    both: dict[int, int] = {}
    for ms in (1.0, 5.0, 700.0):
        histogram.add(one, ms)
        histogram.add(both, ms)
    for ms in (5.0, 0.2):
        histogram.add(other, ms)
        histogram.add(both, ms)
    assert histogram.merge(one, other) == both
