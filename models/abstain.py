"""Abstaining: a model that is not sure enough answers "none of these" instead of a class."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

NONE_OF_THESE = "none of these"
NOT_ONE = -1  # the index of an answer that is not a class

SureOf = Literal["classes", "likeliest"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answers for n pictures.

    `probabilities` (n, classes) compare the classes among themselves: each row adds up to 1. `sure` (n,), from 0 to
    1, is the confidence that the picture shows one of the classes. Where `abstained` (n,) is true, the answer is
    "none of these".

    "None of these" has the probability `none` (n,), all classes together have `named` (n,), which is the rest of 1.
    So a class has `probabilities * named` on the one scale of a list of labels.
    """

    probabilities: NDArray[np.float32]
    sure: NDArray[np.float32]
    abstained: NDArray[np.bool_]
    none: NDArray[np.float64]
    named: NDArray[np.float64]


def judge(
    rows: NDArray[np.float32], classes: int, abstain_below: float | None, sure_of: SureOf = "classes"
) -> Judgement:
    """Splits an engine's probabilities (n, classes + background) into classes and confidence.

    The confidence is the sum of the classes' probabilities. Without background, or with `sure_of` "likeliest", it is
    the maximum softmax probability (Hendrycks and Gimpel 2017, arXiv:1610.02136). The model abstains where the
    confidence is below `abstain_below`; with None it never does, and "none of these" has no probability.
    """
    own = rows[:, :classes]
    together = own.sum(axis=1)
    background = rows.shape[1] > classes
    sure = together if background and sure_of == "classes" else own.max(axis=1, initial=0.0)
    if background:
        own = own / np.maximum(together, np.finfo(np.float32).tiny)[:, None]
    if abstain_below is None:
        return Judgement(own, sure, np.zeros(len(own), np.bool_), np.zeros(len(own)), np.ones(len(own)))
    abstained = sure < abstain_below
    # a picture that is all background has no likeliest class: then all are equally likely
    likeliest = np.maximum(own.max(axis=1, initial=0.0), 1 / classes)
    weight = none_weight(likeliest, sure, abstain_below, abstained)
    named = 1 / (1 + weight)
    return Judgement(own, sure, abstained, weight * named, named)


def none_weight(
    likeliest: NDArray[np.floating], sure: NDArray[np.floating], threshold: float, abstained: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The weight (n,) of "none of these" beside classes whose weights add up to 1, `likeliest` (n,) is the greatest.

    Its odds against the likeliest class are those of the threshold against the confidence:

        weight / likeliest = (threshold / (1 - threshold)) / (sure / (1 - sure))

    At the threshold the two are equal, so "none of these" is ahead of every class where the model abstains, and
    behind the likeliest one elsewhere. With a threshold of one half and a clear class, the share of "none of these"
    is 1 - sure.
    """
    least = 1e-12  # keeps the odds finite
    sure = np.clip(sure.astype(np.float64), least, 1.0)
    threshold = min(threshold, 1 - least)
    weight = likeliest * (threshold / (1 - threshold)) * (1 - sure) / sure
    # rounding must not put a class ahead where the model abstains, or behind where it does not
    consistent: NDArray[np.float64] = np.where(
        abstained, np.maximum(weight, likeliest), np.minimum(weight, likeliest)
    )
    return consistent
