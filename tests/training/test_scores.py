"""Scores, each compared with figures computed by hand or by a plain loop."""

import json
from math import ceil

import numpy as np
import pytest

from training.scores import (
    Answers,
    Bin,
    ClassScore,
    Confusion,
    NothingToScore,
    expected_calibration_error,
    ranks,
    reliability_bins,
    score,
    wilson,
)

LABELS = ("cat", "dog", "owl")
# Two cats (one taken for a dog), three dogs (two taken for cats), no owl, and two pictures of something else.
TRUTH = [0, 0, 1, 1, 1, -1, -1]
PROBABILITIES = [
    [0.8, 0.1, 0.1],
    [0.3, 0.6, 0.1],
    [0.2, 0.7, 0.1],
    [0.5, 0.4, 0.1],
    [0.9, 0.05, 0.05],
    [0.3, 0.3, 0.4],
    [0.1, 0.1, 0.8],
]
ABSTAINED = [False, False, False, True, False, True, False]


def answers(
    truth: list[int] = TRUTH, probabilities: list[list[float]] = PROBABILITIES, abstained: list[bool] | None = None
) -> Answers:
    return Answers(
        labels=tuple(f"class {at}" for at in range(len(probabilities[0]))) if len(probabilities[0]) != 3 else LABELS,
        truth=np.array(truth),
        probabilities=np.array(probabilities, np.float32),
        files=[f"{at}.jpg" for at in range(len(truth))],
        abstained=np.array([False] * len(truth) if abstained is None else abstained),
    )


def random_answers(n: int = 500, classes: int = 12) -> Answers:
    chance = np.random.default_rng(7)
    logits = chance.normal(size=(n, classes)) * 2
    truth = chance.integers(0, classes - 1, n)  # of the last class there is no picture
    logits[np.arange(n), truth] += 2
    odds = np.exp(logits)
    return answers(truth.tolist(), (odds / odds.sum(axis=1, keepdims=True)).tolist())


def test_top1_counts_the_own_pictures_only() -> None:
    scores = score(answers())
    assert scores.n == 5
    assert scores.top1 == pytest.approx(2 / 5)
    assert scores.outside == 2


def test_abstaining_is_counted_for_own_and_for_outside_pictures() -> None:
    scores = score(answers(abstained=ABSTAINED))
    assert scores.named_share == pytest.approx(4 / 5)
    assert scores.named_top1 == pytest.approx(2 / 4)
    assert scores.none_share == pytest.approx(1 / 2)


def test_without_outside_pictures_their_share_is_unknown() -> None:
    scores = score(answers(TRUTH[:5], PROBABILITIES[:5]))
    assert (scores.outside, scores.none_share, scores.named_share) == (0, None, 1.0)


def test_model_that_names_nothing_has_no_accuracy_of_what_it_named() -> None:
    scores = score(answers(abstained=[True] * 7))
    assert (scores.named_share, scores.named_top1, scores.none_share) == (0.0, None, 1.0)


def test_top5_asks_for_the_truth_among_the_first_five() -> None:
    falling = [[0.3, 0.2, 0.15, 0.12, 0.11, 0.08, 0.04]]
    assert [score(answers([at], falling)).top5 for at in range(7)] == [1, 1, 1, 1, 1, 0, 0]


def test_ranks_are_those_of_a_stable_sort() -> None:
    chance = np.random.default_rng(3)
    probabilities = chance.integers(0, 4, (200, 6)).astype(np.float32)  # many ties
    truth = chance.integers(0, 6, 200)
    order = np.argsort(-probabilities, axis=1, kind="stable")
    assert ranks(probabilities, truth).tolist() == [
        row.tolist().index(at) for row, at in zip(order, truth, strict=True)
    ]


def test_classes_are_scored_the_worst_first() -> None:
    cat = ClassScore(0, "cat", 2, recall=1 / 2, precision=1 / 3, confused_with="dog", confused=1)
    dog = ClassScore(1, "dog", 3, recall=1 / 3, precision=1 / 2, confused_with="cat", confused=2)
    assert score(answers()).classes == (dog, cat)


def test_class_that_is_never_answered_has_no_precision() -> None:
    (owl,) = score(answers([2], [[0.6, 0.3, 0.1]])).classes
    assert (owl.label, owl.recall, owl.precision, owl.confused_with) == ("owl", 0.0, None, "cat")


def test_class_without_a_mistake_is_confused_with_none() -> None:
    (cat,) = score(answers([0], [[0.6, 0.3, 0.1]])).classes
    assert (cat.recall, cat.confused_with, cat.confused) == (1.0, None, 0)


def test_recall_and_precision_are_those_of_counting() -> None:
    given = random_answers()
    said = given.probabilities.argmax(axis=1).tolist()
    pairs = list(zip(given.truth.tolist(), said, strict=True))
    classes = {each.index: each for each in score(given).classes}
    assert set(classes) == set(range(11))
    for at, each in classes.items():
        hits = pairs.count((at, at))
        assert each.n == sum(truth == at for truth, _ in pairs)
        assert each.recall == pytest.approx(hits / each.n)
        assert each.precision == pytest.approx(hits / said.count(at))
        wrong = [answer for truth, answer in pairs if truth == at != answer]
        assert each.confused == max(map(wrong.count, wrong))


def test_confusions_are_the_most_frequent_first_with_the_most_confident_mistake_first() -> None:
    assert score(answers()).confusions == (Confusion(1, 0, 2, (4, 3)), Confusion(0, 1, 1, (1,)))


def test_examples_index_all_answers_also_behind_outside_pictures() -> None:
    shuffled = [-1, *TRUTH]
    scores = score(answers(shuffled, [[0.2, 0.2, 0.6], *PROBABILITIES]))
    assert scores.confusions[0].examples == (5, 4)
    assert scores.hardest[0].file == "5.jpg"


def test_hardest_gave_least_to_the_truth() -> None:
    found = score(answers()).hardest
    assert [each.index for each in found] == [4, 1, 3, 2, 0]
    first = found[0]
    assert (first.truth, first.answer) == (1, 0)
    assert (first.probability, first.confidence) == pytest.approx((0.05, 0.9))


def test_bins_are_open_below_and_closed_above() -> None:
    confidence = np.array([0.25, 0.5, 0.51, 1.0], np.float32)
    bins = reliability_bins(confidence, np.array([True, False, True, True]), bins=4)
    assert [each.count for each in bins] == [1, 1, 1, 1]
    assert bins[0] == Bin(0.0, 0.25, 1, 0.25, 1.0)
    assert reliability_bins(np.array([0.3], np.float32), np.array([True]), bins=2)[1] == Bin(0.5, 1.0, 0, None, None)


def test_calibration_error_by_hand() -> None:
    """Confidences 0.8 (right), 0.6 (wrong), 0.7 (right), 0.5 and 0.9 (wrong), each alone in its bin."""
    gaps = [0.2, 0.6, 0.3, 0.5, 0.9]
    assert score(answers()).ece == pytest.approx(sum(gaps) / 5)


def test_calibration_error_is_that_of_a_plain_loop() -> None:
    given = random_answers()
    confidence = given.probabilities.max(axis=1).astype(float).tolist()
    right = (given.probabilities.argmax(axis=1) == given.truth).tolist()
    error = 0.0
    for at in range(1, 16):
        inside = [pair for pair in zip(confidence, right, strict=True) if ceil(pair[0] * 15) == at]
        error += abs(sum(hit for _, hit in inside) - sum(value for value, _ in inside)) / len(confidence)
    assert score(given).ece == pytest.approx(error)


def test_model_whose_confidence_is_its_accuracy_has_no_calibration_error() -> None:
    confidence = np.full(10, 0.7, np.float32)
    bins = reliability_bins(confidence, np.arange(10) < 7)
    assert expected_calibration_error(bins) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_range_of_top1_is_wilsons(right: int, n: int, low: float, high: float) -> None:
    """The last is the worked example of Newcombe 1998 (Statistics in Medicine 17, 857-872), method 3."""
    assert wilson(right, n) == pytest.approx((low, high), abs=5e-5)


def test_the_headline_can_be_written_as_json() -> None:
    written = json.loads(json.dumps(score(answers(abstained=ABSTAINED)).headline()))
    assert (written["n"], written["none_share"]) == (5, 0.5)
    assert written["top1_range"] == pytest.approx(wilson(2, 5))


def test_outside_pictures_alone_are_nothing_to_score() -> None:
    with pytest.raises(NothingToScore, match="no picture of any of the model's classes"):
        score(answers([-1], [[0.2, 0.2, 0.6]]))


@pytest.mark.parametrize(
    ("truth", "probabilities", "complaint"),
    [
        ([0, 1], [[0.5, 0.3, 0.2]], "2 files and 3 labels"),
        ([3], [[0.5, 0.3, 0.2]], "truth is from 3 to 3, not -1 to 2"),
        ([0, 0], [[0.5, 0.3, 0.2], [0.5, float("nan"), 0.2]], "1.jpg a probability that is not finite"),
    ],
)
def test_answers_that_do_not_belong_together_are_refused(
    truth: list[int], probabilities: list[list[float]], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        answers(truth, probabilities)
