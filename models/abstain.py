"""Abstaining: a model that is not sure enough answers "none of these" instead of a class."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NONE_OF_THESE = "none of these"
NOT_ONE = -1  # the index of an answer that is not a class


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answers for n pictures.

    `probabilities` (n, classes) are those of the classes; each row adds up to 1. `sure` (n,), from 0 to 1, is the
    confidence that the picture shows one of the classes. Where `abstained` (n,) is true, the answer is "none of
    these".
    """

    probabilities: NDArray[np.float32]
    sure: NDArray[np.float32]
    abstained: NDArray[np.bool_]


def judge(rows: NDArray[np.float32], classes: int, abstain_below: float | None) -> Judgement:
    """Splits an engine's probabilities (n, classes + background) into classes and confidence.

    With background logits the confidence is the sum of the classes' probabilities. Without them it is the maximum
    softmax probability (Hendrycks and Gimpel 2017, arXiv:1610.02136).
    """
    own = rows[:, :classes]
    if rows.shape[1] > classes:
        sure = own.sum(axis=1)
        own = own / np.maximum(sure, np.finfo(np.float32).tiny)[:, None]
    else:
        sure = own.max(axis=1, initial=0.0)
    threshold = -np.inf if abstain_below is None else abstain_below
    return Judgement(own, sure, sure < threshold)
