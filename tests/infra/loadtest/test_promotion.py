"""The figures that a rehearsal calculates from the answers."""

from collections import Counter
from pathlib import Path

import pytest

from infra.client.frame_counts import FrameCounts
from infra.client.media_source import MediaFrame
from infra.loadtest.promotion import AnswerLog, lost_frames, p99_over_before
from streams.contract.outcomes import Outcome
from web.messages import Labels

SHOT = MediaFrame(Path("cat.jpg"), b"")


def test_answers_count_for_the_part_in_which_they_came(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("infra.loadtest.promotion.time.monotonic", lambda: now[0])
    log = AnswerLog()

    def answer(at: float, ms: float, version: str) -> None:
        now[0] = at
        message = Labels(1, [], "net", version, 224, {})
        log.note(SHOT, message, ms)

    answer(0.5, 900.0, "1")  # while everything warms up
    now[0] = 1.0
    log.begin("before")
    answer(2.0, 10.0, "1")
    answer(3.0, 20.0, "1")
    now[0] = 5.0
    log.begin("promotion")
    answer(6.0, 40.0, "2")
    now[0] = 8.0
    figures = log.figures()
    assert {part: (each["seconds"], each["answered"], each["p99"]) for part, each in figures.items()} == {
        "before": (4.0, 2, 20.0),
        "promotion": (3.0, 1, 40.0),
    }
    assert p99_over_before(figures) == {"promotion": 2.0}


def test_part_without_an_answer_has_no_ratio() -> None:
    assert p99_over_before({"before": {"p99": 10.0}, "promotion": {"p99": None}}) == {}
    assert p99_over_before({"before": {"p99": None}, "promotion": {"p99": 10.0}}) == {}


def test_frame_dropped_because_of_load_is_not_lost() -> None:
    assert lost_frames(FrameCounts(10, 7, 0, Counter({Outcome.SUPERSEDED: 2, Outcome.STALE: 1}))) == 0


@pytest.mark.parametrize(
    "counts",
    [
        FrameCounts(10, 9, expired=1),
        FrameCounts(10, 9, dropped=Counter({Outcome.FAILED: 1})),
        FrameCounts(10, 9, dropped=Counter({Outcome.UNKNOWN_MODEL: 1})),
        FrameCounts(10, 9),
    ],
    ids=["expired", "failed", "unknown model", "no outcome"],
)
def test_frame_without_an_answer_for_another_reason_is_lost(counts: FrameCounts) -> None:
    assert lost_frames(counts) == 1
