"""A fault's report: how long a session was silent, and which promises are broken."""

import pytest

from infra.loadtest.faults.report import longest_silence
from tests.fakes.fault_reports import fault_report


@pytest.mark.parametrize(
    ("answers", "silence_s"),
    [
        ([], 10.0),
        ([1.0, 2.0, 5.0, 9.0], 4.0),
        ([4.0], 6.0),
        ([0.5, 9.9, 3.0, 6.0], 3.9),
        ([-1.0, 2.0, 8.0, 30.0], 6.0),
    ],
    ids=["no answer at all", "in the middle", "until the end", "in any order", "answers before and after"],
)
def test_silence_is_the_longest_time_without_an_answer_between_two_moments(
    answers: list[float], silence_s: float
) -> None:
    assert longest_silence(answers, 0.0, 10.0) == pytest.approx(silence_s)


def test_a_report_that_keeps_all_promises_has_no_problem() -> None:
    assert fault_report().problems() == []
    assert fault_report(silence_s=80.0, limit_s=None).problems() == []


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"silence_s": 12.34}, "a session had no labels for 12.3 s; the limit is 10 s"),
        ({"recovery_s": None, "failure": "2 of 4 sessions get no labels"}, "2 of 4 sessions get no labels"),
        ({"answered_twice": 2}, "browsers got 2 answers for frames that were answered already"),
        ({"sockets_left": 2}, "2 connections stayed open"),
        ({"differences": ["s: the client counted 2"]}, "the frame counts differ: s: the client counted 2"),
    ],
)
def test_each_broken_promise_is_one_line_that_names_the_fault(fields: dict[str, object], problem: str) -> None:
    assert fault_report(**fields).problems() == [f"a fault: {problem}"]
