"""How confident the model should be: the temperature, and the threshold of "none of these". Both use validation."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from models.abstain import judge
from training.linear import cross_entropy
from training.recipes import Labels

STILL_NAMED = 0.97  # the share of validation pictures that must still get a class


def fit_temperature(logits: NDArray[np.float32], labels: Labels) -> float:
    """The temperature for logits (n, classes) that gives the labels (n,) the highest likelihood; 1 when n is 0.

    Temperature scaling: Guo et al. 2017 (arXiv:1706.04599, section 4.2). Searched from e⁻³ to e³.
    """
    if not len(labels):
        return 1.0
    found = minimize_scalar(
        lambda log_t: cross_entropy(logits, labels, float(np.exp(log_t))), bounds=(-3, 3), method="bounded"
    )
    return round(float(np.exp(found.x)), 4)


def probabilities(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """The softmax of logits (n, classes + background) divided by the temperature, as the engines compute it."""
    softmaxed: NDArray[np.float32] = softmax(logits / np.float32(temperature), axis=1)
    return softmaxed


def abstain_threshold(
    probabilities: NDArray[np.float32], classes: int, still_named: float = STILL_NAMED
) -> float | None:
    """The confidence below which the answer is "none of these"; None when there are no pictures.

    It is chosen so that the share `still_named` of these pictures, probabilities (n, classes + background), still
    gets a class.
    """
    if not len(probabilities):
        return None
    return float(np.quantile(judge(probabilities, classes, None).sure, 1 - still_named, method="lower"))
