"""The recipe `classic` learns, and the same seed gives the same head."""

import numpy as np
import pytest

from tests.fakes.training_data import training_data
from training.classic import fit


@pytest.mark.model
def test_classic_learns_and_gives_the_same_for_the_same_seed() -> None:
    data = training_data()
    one, two = (fit(data, 7, lambda activity, share: None, epochs=4) for _ in range(2))
    assert [*one.layers] == ["hidden0", "hidden0_bn", "hidden1", "hidden1_bn", "logits"]
    np.testing.assert_array_equal(one.logits(data.valid), two.logits(data.valid))
    assert len(one.curves["loss on valid"]) == 4
    assert one.curves["accuracy on valid"][one.notes["best epoch"] - 1] > 0.6
    assert one.logits(data.valid[:0]).shape == (0, 3)
