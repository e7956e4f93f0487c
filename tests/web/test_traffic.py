"""What the operations view shows of one session."""

import pytest

from streams.contract.outcomes import Outcome
from web.traffic import SessionTraffic


def test_outcomes_are_counted_apart() -> None:
    traffic = SessionTraffic()
    traffic.count_outcome(Outcome.ANSWERED, 1, 0.0)
    traffic.count_outcome(Outcome.EXPIRED, 2, 0.0)
    traffic.count_outcome(Outcome.SUPERSEDED, 3, 0.0)
    traffic.count_outcome(Outcome.STALE, 1, 0.0)
    assert (traffic.answered, traffic.expired) == (1, 2)
    assert traffic.dropped == {Outcome.SUPERSEDED: 3, Outcome.STALE: 1}


def test_the_last_echo_is_the_round_trip() -> None:
    traffic = SessionTraffic()
    traffic.count_received(())
    before = traffic.round_trip_ms
    traffic.count_received(((1, 30.0), (2, 20.0)))
    traffic.count_received(())
    assert (before, traffic.round_trip_ms) == (None, 20.0)
    assert traffic.received == 3


def test_the_rate_is_that_of_the_last_three_seconds() -> None:
    traffic = SessionTraffic()
    assert traffic.fps(0.0) == 0.0
    for at in range(0, 1000, 100):
        traffic.count_outcome(Outcome.ANSWERED, 1, at)
    assert traffic.fps(900.0) == pytest.approx(10)
    assert traffic.fps(1800.0) == pytest.approx(5)
    assert traffic.fps(4000.0) == 0.0
