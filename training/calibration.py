"""How sure is sure: the temperature and the threshold of "none of these", both from validation."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from models.abstain import judge
from training.linear import Features, cross_entropy
from training.recipes import Labels

STILL_NAMED = 0.97  # the share of validation pictures that the threshold lets through


def temperature(logits: Features, labels: Labels) -> float:
    """What logits (n, classes) are divided by to be likeliest: Guo et al. 2017 (arXiv:1706.04599)."""
    if not len(labels):
        return 1.0
    found = minimize_scalar(
        lambda log_t: cross_entropy(logits, labels, float(np.exp(log_t))), bounds=(-3, 3), method="bounded"
    )
    return round(float(np.exp(found.x)), 4)


def probabilities(logits: Features, temperature: float) -> Features:
    """Softmax of (n, classes + background) logits, as the engines compute it."""
    rows: Features = softmax(logits / np.float32(temperature), axis=1)
    return rows


def threshold(rows: NDArray[np.float32], classes: int, still_named: float = STILL_NAMED) -> float | None:
    """Below which an answer is "none of these", so that this share of (n, classes + background) is still named."""
    if not len(rows):
        return None
    return float(np.quantile(judge(rows, classes, None).sure, 1 - still_named, method="lower"))
