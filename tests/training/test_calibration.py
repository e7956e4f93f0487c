"""The temperature makes confidences right; the threshold lets the wanted share of pictures through."""

import numpy as np
import pytest

from training.calibration import abstain_threshold, fit_temperature


def test_the_temperature_undoes_a_sharpening() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(scale=2, size=(4000, 3)).astype(np.float32)
    drawn = logits + random.gumbel(size=logits.shape)  # its maximum is a draw from the softmax of the logits
    truth = drawn.argmax(axis=1)
    assert fit_temperature(logits, truth) == pytest.approx(1, abs=0.06)
    assert fit_temperature(3 * logits, truth) == pytest.approx(3, abs=0.18)


def test_the_threshold_lets_the_wanted_share_through() -> None:
    rows = np.stack([np.linspace(0.5, 1, 200), np.linspace(0.5, 0, 200)], axis=1).astype(np.float32)
    least = abstain_threshold(rows, 2, still_named=0.9)
    assert least is not None
    assert (rows.max(axis=1) >= least).mean() == pytest.approx(0.9, abs=0.01)


def test_without_validation_there_is_no_threshold_and_no_temperature() -> None:
    assert abstain_threshold(np.empty((0, 3), np.float32), 3) is None
    assert fit_temperature(np.empty((0, 3), np.float32), np.empty(0, np.int64)) == 1.0
