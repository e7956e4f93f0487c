"""The head is the one that the formula asks for."""

import numpy as np
import pytest

from training.best import best, larger
from training.calibration import temperature, threshold
from training.linear import Linear, accuracy, cross_entropy, fit, likeness, prior
from training.recipes import TrainingData


def toy(seed: int = 0, each: int = 40, noise: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    """Three clouds of points in four dimensions: (n, 4) float32 and (n,) labels."""
    random = np.random.default_rng(seed)
    centres = np.array([[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0]])
    labels = np.repeat(np.arange(3), each)
    return (centres[labels] + noise * random.normal(size=(3 * each, 4))).astype(np.float32), labels


# knows four things by a feature each; the first of them is none of our three classes
KNOWN = Linear(
    np.array([[0, 0, 3, 0], [0, 3, 0, 0], [0, 0, 0, 3], [3, 0, 0, 0]], np.float32), np.zeros(4, np.float32)
)


def lesson() -> TrainingData:
    return TrainingData(*toy(0), *toy(1), 3, KNOWN)


def test_the_gradient_vanishes_at_what_was_found() -> None:
    features, labels = toy()
    start = Linear(np.zeros((4, 3), np.float32), np.zeros(3, np.float32))
    found = fit(features, labels, start, 0.1)

    def loss(weights: np.ndarray) -> float:
        logits = (features @ weights + found.bias).astype(np.float32)
        return cross_entropy(logits, labels) + 0.05 * float((weights**2).sum())

    least = loss(found.weights)
    random = np.random.default_rng(3)
    for _ in range(20):
        assert loss(found.weights + 0.05 * random.normal(size=found.weights.shape)) > least


def test_a_great_penalty_stays_at_the_prior_and_a_small_one_leaves_it() -> None:
    features, labels = toy()
    start = Linear(np.eye(4, 3, dtype=np.float32), np.zeros(3, np.float32))
    near, far = fit(features, labels, start, 1e3), fit(features, labels, start, 1e-3)
    assert np.abs(near.weights - start.weights).max() < 0.01
    assert np.abs(far.weights - start.weights).max() > 0.5


def test_a_class_is_expected_where_the_known_one_is_that_it_looks_like() -> None:
    features, labels = toy(noise=0.3)
    like = likeness(features, labels, 3, KNOWN)
    assert like.argmax(axis=1).tolist() == [2, 1, 3]
    assert like.sum(axis=1) == pytest.approx(np.ones(3))
    expected = prior(like, KNOWN)
    assert accuracy(expected(features), labels) == 1.0


def test_best_learns_and_keeps_the_rest_as_background() -> None:
    taught = best(lesson(), 0, lambda what, share: None)
    features, labels = toy(2)
    logits = taught.logits(features)
    assert accuracy(logits[:, :3], labels) > 0.85
    assert taught.head.background >= 1
    assert logits.shape == (120, 3 + taught.head.background)
    assert taught.layers["logits"][0].shape == (4, 3 + taught.head.background)


def test_best_gives_the_same_twice() -> None:
    one, two = (best(lesson(), 0, lambda what, share: None) for _ in range(2))
    np.testing.assert_array_equal(one.layers["logits"][0], two.layers["logits"][0])


def test_pictures_are_looked_at_larger_in_steps_of_four() -> None:
    assert [larger(size) for size in (224, 260, 299)] == [256, 300, 344]


def test_the_temperature_undoes_a_sharpening() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(scale=2, size=(4000, 3)).astype(np.float32)
    drawn = logits + random.gumbel(size=logits.shape)  # whose greatest is a draw from the softmax
    truth = drawn.argmax(axis=1)
    assert temperature(logits, truth) == pytest.approx(1, abs=0.06)
    assert temperature(3 * logits, truth) == pytest.approx(3, abs=0.18)


def test_the_threshold_lets_the_asked_for_share_through() -> None:
    rows = np.stack([np.linspace(0.5, 1, 200), np.linspace(0.5, 0, 200)], axis=1).astype(np.float32)
    least = threshold(rows, 2, still_named=0.9)
    assert least is not None
    assert (rows.max(axis=1) >= least).mean() == pytest.approx(0.9, abs=0.01)


def test_without_validation_there_is_no_threshold() -> None:
    assert threshold(np.empty((0, 3), np.float32), 3) is None
