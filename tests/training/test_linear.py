"""Tests of the linear head: it minimizes the loss that its docstring gives, and the prior is mixed as documented."""

import numpy as np
import pytest

from tests.fakes.training_data import PUBLISHED_HEAD, point_clouds
from training.linear import accuracy, cross_entropy, fit_head, prior_head, similarities
from training.recipes import LinearHead


def test_no_weights_near_the_result_have_a_lower_loss() -> None:
    features, labels = point_clouds()
    prior = LinearHead(np.zeros((4, 3), np.float32), np.zeros(3, np.float32))
    found = fit_head(features, labels, prior, 0.1)

    def loss(weights: np.ndarray) -> float:
        logits = (features @ weights + found.bias).astype(np.float32)
        return cross_entropy(logits, labels) + 0.05 * float((weights**2).sum())

    lowest = loss(found.weights)
    random = np.random.default_rng(3)
    for _ in range(20):
        assert loss(found.weights + 0.05 * random.normal(size=found.weights.shape)) > lowest


def test_a_great_penalty_stays_at_the_prior_and_a_small_one_leaves_it() -> None:
    features, labels = point_clouds()
    prior = LinearHead(np.eye(4, 3, dtype=np.float32), np.zeros(3, np.float32))
    near, far = fit_head(features, labels, prior, 1e3), fit_head(features, labels, prior, 1e-3)
    assert np.abs(near.weights - prior.weights).max() < 0.01
    assert np.abs(far.weights - prior.weights).max() > 0.5


def test_the_prior_of_a_class_is_the_known_class_that_it_resembles() -> None:
    features, labels = point_clouds(noise=0.3)
    similarity = similarities(features, labels, 3, PUBLISHED_HEAD)
    assert similarity.argmax(axis=1).tolist() == [2, 1, 3]
    assert similarity.sum(axis=1) == pytest.approx(np.ones(3))
    prior = prior_head(similarity, PUBLISHED_HEAD)
    assert accuracy(prior(features), labels) == 1.0
