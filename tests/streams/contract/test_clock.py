import time

import pytest

from streams.contract.clock import LEAST_SKEW_MS, SAMPLES, KafkaClock, now_ms, skew_ms


def test_the_clock_counts_milliseconds_since_1970() -> None:
    before = time.time() * 1000
    assert before <= now_ms() <= time.time() * 1000


@pytest.mark.parametrize("ahead", [-7_200_000.0, -2000.0, 2000.0, 7_200_000.0])
def test_the_sample_with_the_least_delay_says_how_far_a_clock_is_ahead(ahead: float) -> None:
    clock = KafkaClock()
    for at, delay in enumerate((400.0, 3.0, 90.0)):
        clock.note(at * 2000.0, at * 2000.0 + ahead + delay)
    assert clock.ahead_ms == ahead + 3.0


def test_a_clock_that_is_set_is_followed_after_some_records() -> None:
    clock = KafkaClock()
    for at in range(SAMPLES):
        clock.note(at, at)
    for at in range(SAMPLES):
        clock.note(at, at + 5000.0)
    assert clock.ahead_ms == 5000.0


def test_the_skew_of_two_clocks_is_the_difference_of_what_each_is_ahead_of_kafka() -> None:
    assert skew_ms(3000.0, 1000.0) == 2000.0
    assert skew_ms(1000.0, 3000.0) == -2000.0


def test_delays_that_are_normal_and_clocks_that_are_not_known_are_no_skew() -> None:
    assert skew_ms(LEAST_SKEW_MS - 1, 0.0) == 0.0
    assert skew_ms(None, 3000.0) == skew_ms(3000.0, None) == 0.0
    assert KafkaClock().ahead_ms is None
