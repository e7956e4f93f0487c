"""The figures that the benchmark calculates from its samples."""

import pytest

from infra.loadtest.benchmark import Spread, cpu_ms_per_frame


def test_spread_is_the_rounded_median_and_range() -> None:
    assert Spread.of([120.04, 99.96, 101.25]) == Spread(median=101.2, min=100.0, max=120.0)
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0)


@pytest.mark.parametrize(("frames", "expected"), [(100, 20.0), (0, 2000.0)], ids=["some frames", "no frame"])
def test_cpu_time_is_shared_out_among_the_answered_frames(frames: int, expected: float) -> None:
    assert cpu_ms_per_frame({"worker": 2.0, "broker": 0.0}, frames) == {"worker": expected, "broker": 0.0}
