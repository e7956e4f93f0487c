"""The recipe `best` learns, keeps the other known classes as background, and is deterministic."""

import numpy as np
import pytest

from tests.fakes.training_data import point_clouds, training_data
from training.best import NONE_SHARE, background_shift, fit, input_size


def test_best_learns_and_keeps_the_rest_as_background() -> None:
    trained_head = fit(training_data(), 0, lambda activity, share: None)
    features, labels = point_clouds(2)
    logits = trained_head.logits(features)
    assert (logits[:, :3].argmax(axis=1) == labels).mean() > 0.85
    assert trained_head.head.background >= 1
    assert logits.shape == (120, 3 + trained_head.head.background)
    assert trained_head.layers["logits"][0].shape == (4, 3 + trained_head.head.background)


def test_best_gives_the_same_twice() -> None:
    one, two = (fit(training_data(), 0, lambda activity, share: None) for _ in range(2))
    np.testing.assert_array_equal(one.layers["logits"][0], two.layers["logits"][0])


def test_pictures_are_larger_than_the_network_was_trained_at_in_steps_of_four() -> None:
    assert [input_size(size) for size in (224, 260, 299)] == [256, 300, 344]


def test_background_has_its_share_before_a_picture_is_looked_at() -> None:
    """With equal logits, a softmax gives each of five classes and 990 others the same: the shift changes that."""
    others = 990 * np.exp(background_shift(5, 990))
    assert others / (5 + others) == pytest.approx(NONE_SHARE)
