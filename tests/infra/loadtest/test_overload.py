"""The figures that the overload scenario calculates from its samples."""

import pytest

from infra.loadtest.overload import p99_of_thirds, ratios


def test_ratios_are_those_of_each_round_and_their_median() -> None:
    assert ratios([90.0, 50.0, 80.0], [100.0, 100.0, 60.0]) == {"median": 0.9, "rounds": [0.9, 0.5, 1.333]}


def test_ratios_refuse_rounds_without_a_reference() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0, 2.0], [1.0])


def test_an_answer_counts_in_the_third_in_which_it_came() -> None:
    answers = [(0.0, 10.0), (0.9, 20.0), (1.0, 30.0), (2.5, 40.0), (3.1, 99.0)]  # the last came after the end
    assert p99_of_thirds(answers, 3.0) == [20.0, 30.0, 40.0]


def test_a_third_without_an_answer_has_no_latency() -> None:
    assert p99_of_thirds([(0.5, 10.0)], 3.0) == [10.0, None, None]
