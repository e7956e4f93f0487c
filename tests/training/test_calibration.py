"""The temperature makes confidences right; the threshold lets the wanted share of pictures through, or says not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.training_data import point_clouds, training_data
from training.best import fit
from training.calibration import (
    ASSUMED,
    ENOUGH,
    FEW,
    FOLDS,
    IMAGINED,
    NOTHING_KNOWN,
    Measured,
    abstain_threshold,
    calibrate,
    first_labels,
    fit_temperature,
    folds,
    measure,
    named_interval,
    unsure_threshold,
)
from training.recipes import Progress, TrainedHead, TrainingData


def test_the_temperature_undoes_a_sharpening() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(scale=2, size=(4000, 3)).astype(np.float32)
    drawn = logits + random.gumbel(size=logits.shape)  # its maximum is a draw from the softmax of the logits
    truth = drawn.argmax(axis=1)
    assert fit_temperature(logits, truth) == pytest.approx(1, abs=0.06)
    assert fit_temperature(3 * logits, truth) == pytest.approx(3, abs=0.18)


def test_a_few_pictures_that_are_all_right_do_not_make_the_model_certain() -> None:
    assert fit_temperature(np.eye(3, dtype=np.float32), np.arange(3)) > 0.5


def test_the_threshold_lets_the_wanted_share_through() -> None:
    sure = np.linspace(0.5, 1, 400).astype(np.float32)
    least = abstain_threshold(sure, background=True, still_named=0.9)
    assert (sure >= least).mean() == pytest.approx(0.9, abs=0.01)


@given(st.lists(st.floats(0, 1, width=32), min_size=FEW, max_size=300))
def test_of_enough_pictures_at_most_a_tenth_is_given_up(sure: list[float]) -> None:
    least = abstain_threshold(np.array(sure, np.float32), background=True)
    assert sum(each < least for each in sure) <= 0.1 * len(sure)


def test_one_odd_picture_does_not_decide() -> None:
    sure = np.full(60, 0.9, np.float32)
    sure[7] = 0.01
    assert abstain_threshold(sure, background=True) == pytest.approx(0.9)


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=FEW - 1))
def test_of_too_few_pictures_the_threshold_stays_where_it_is_known_to_be_sound(sure: list[float]) -> None:
    least, most = ASSUMED
    assert least <= abstain_threshold(np.array(sure, np.float32), background=True) <= most
    assert abstain_threshold(np.array(sure, np.float32), background=False) <= NOTHING_KNOWN


def test_the_interval_holds_for_any_confidences() -> None:
    """Thresholds from 46 pictures, tried on many new ones: the shares are within the interval nine times of ten."""
    random = np.random.default_rng(1)
    low, high = named_interval(46)
    shares = []
    for _ in range(2000):
        least = abstain_threshold(random.beta(5, 1, 46).astype(np.float32), background=True)
        shares.append(1 - least**5)  # the share of Beta(5, 1) above it
    within = np.mean([low <= share <= high for share in shares])
    assert within == pytest.approx(0.9, abs=0.03)


def test_without_pictures_the_threshold_is_assumed_and_said_to_be() -> None:
    found = calibrate([Measured(np.empty((0, 3), np.float32), np.empty(0, np.int64))], 2)
    assert (found.temperature, found.abstain_below, found.unmeasured) == (1.0, NOTHING_KNOWN, (0, 1))
    assert found.about()["threshold"] == "assumed"
    assert "assumed: nothing was measured; add pictures" in found.sentence()


def of_each(count: int) -> TrainingData:
    features, labels = point_clouds(0, per_class=count)
    return replace(training_data(), train=features, train_labels=labels)


NO_VALID = (np.empty((0, 4), np.float32), np.empty(0, np.int64))


class Counted:
    """The recipe `best`, which notes what it was given."""

    def __init__(self) -> None:
        self.given: list[TrainingData] = []

    def __call__(self, data: TrainingData, seed: int, progress: Progress) -> TrainedHead:
        self.given.append(data)
        return fit(data, seed, progress)


def test_no_head_measures_a_picture_that_it_learned_from() -> None:
    data, recipe = of_each(4), Counted()
    head = recipe(data, 0, lambda activity, share: None)
    valid = point_clouds(1, per_class=1)
    parts = measure(recipe, data, valid, head, 0)
    assert sum(len(each.labels) for each in parts) == len(valid[1]) + len(data.train_labels)
    learned = [{row.tobytes() for row in each.train} for each in recipe.given[1:]]
    for without, part in zip(recipe.given[1:], parts[1:], strict=True):
        left_out = [row for row in data.train if row.tobytes() not in {each.tobytes() for each in without.train}]
        assert len(left_out) == len(part.labels) > 0
        assert set(without.train_labels) == {0, 1, 2}
    assert len(learned) <= FOLDS


def test_with_enough_validation_pictures_no_further_head_is_trained() -> None:
    data, recipe = training_data(), Counted()
    head = recipe(data, 0, lambda activity, share: None)
    parts = measure(recipe, data, (data.valid, data.valid_labels), head, 0)
    assert len(data.valid) >= ENOUGH
    assert (len(parts), len(recipe.given)) == (1, 1)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_with_one_to_three_pictures_a_class_all_are_taught_and_the_threshold_is_said_to_be_uncertain(
    count: int,
) -> None:
    data = of_each(count)
    data = replace(data, valid=data.train, valid_labels=data.train_labels)
    head = fit(data, 0, lambda activity, share: None)
    found = calibrate(measure(fit, data, NO_VALID, head, 0), 3)
    assert (head.logits(data.train)[:, :3].argmax(axis=1) == data.train_labels).mean() > 0.6
    assert found.named is None
    assert found.pictures == (0 if count == 1 else 3 * count)
    assert ("is uncertain" if count > 1 else "is assumed") in found.sentence()


def test_a_class_with_one_picture_is_not_measured_and_is_named() -> None:
    labels = np.array([0, 0, 0, 1, 2, 2])
    fold = folds(labels)
    assert fold.tolist().count(-1) == 1
    assert fold[3] == -1
    assert fold[4] != fold[5]


def test_what_was_measured_is_said_with_what_it_is_worth() -> None:
    parts = [
        Measured(np.tile(np.array([[3, 0, -2]], np.float32), (count, 1)), np.zeros(count, np.int64))
        for count in (20, 26)
    ]
    found = calibrate(parts, 2)
    assert (found.pictures, found.crossed, found.unmeasured) == (46, 26, (1,))
    assert (
        "measured on 46 pictures (26 by cross-validation): 87% to 98% of good pictures get a class"
        in found.sentence()
    )


def test_below_the_threshold_of_not_sure_labels_are_more_often_wrong_than_right() -> None:
    """A model that is right twice as often as it says: half of its labels are right at a quarter."""
    random = np.random.default_rng(0)
    first = random.random(20_000)
    right = random.random(20_000) < 2 * first
    threshold = unsure_threshold(first, right)
    assert threshold == pytest.approx(0.25, abs=0.02)
    for low in np.arange(0, threshold - 0.05, 0.05):
        assert right[(first >= low) & (first < low + 0.05)].mean() < 0.5


@pytest.mark.parametrize(("count", "threshold"), [(0, 0.5), (1, 0.5), (30, 0.5)])
def test_where_nothing_is_measured_the_probability_is_believed(count: int, threshold: float) -> None:
    assert unsure_threshold(np.linspace(0.8, 1, count), np.ones(count, np.bool_)) == pytest.approx(threshold)


def test_a_model_that_is_never_right_is_never_sure_and_the_other_way_round() -> None:
    first = np.linspace(0.01, 1, 200)
    assert unsure_threshold(first, np.zeros(200, np.bool_)) == pytest.approx(1)
    assert unsure_threshold(first, np.ones(200, np.bool_)) < 0.06


@given(st.lists(st.tuples(st.floats(0.01, 0.9), st.booleans()), max_size=60))
def test_no_other_threshold_of_not_sure_makes_fewer_mistakes(labels: list[tuple[float, bool]]) -> None:
    first = np.array([each[0] for each in labels] * 9)  # so many that what is imagined hardly counts
    right = np.array([each[1] for each in labels] * 9, np.bool_)

    def mistakes(threshold: float) -> int:
        return int((right != (first >= threshold)).sum())

    chosen = unsure_threshold(first, right)
    assert 0 <= chosen <= 1
    assert mistakes(chosen) <= min(mistakes(each) for each in [0.0, *first, 1.1]) + IMAGINED


def test_of_a_trained_head_the_labels_that_are_served_are_measured() -> None:
    """Of a head that guesses, one label of three is right: it is never sure. One that knows always is."""
    random = np.random.default_rng(3)
    truth = random.integers(0, 3, 300)
    guesses = random.normal(scale=0.2, size=(300, 3)).astype(np.float32)
    shares = []
    for logits in (guesses, guesses + 5 * np.eye(3, dtype=np.float32)[truth]):
        measured = Measured(logits, truth)
        calibrated = calibrate([measured], 3)
        first, _ = first_labels(measured, 3, calibrated.temperature, calibrated.abstain_below)
        shares.append((first < calibrated.unsure_below).mean())
    assert shares[0] > 0.95
    assert shares[1] == 0
