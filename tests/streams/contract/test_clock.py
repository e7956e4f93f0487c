import time

from streams.contract.clock import now_ms


def test_the_clock_counts_milliseconds_since_1970() -> None:
    before = time.time() * 1000
    assert before <= now_ms() <= time.time() * 1000
