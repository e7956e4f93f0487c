"""The figures that the flood scenario calculates from its samples."""

import pytest

from infra.client.frame_counts import FrameCounts
from infra.loadtest.flood import QUIET_SESSIONS, fair_share, p99s


def test_p99_is_taken_within_each_round() -> None:
    slow = FrameCounts(round_trips=[float(ms) for ms in range(1, 101)])
    assert p99s([FrameCounts(round_trips=[5.0]), slow]) == [5.0, 99.0]


def test_round_without_an_answer_is_an_error() -> None:
    with pytest.raises(AssertionError, match="without an answer"):
        p99s([FrameCounts(round_trips=[5.0]), FrameCounts()])


def test_flooding_session_has_a_fair_share_too() -> None:
    assert fair_share(QUIET_SESSIONS + 1.0) == 1.0
