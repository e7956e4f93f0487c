"""When a model had better not name a class: its answers judged."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NONE_OF_THESE = "none of these"
NOT_ONE = -1  # the index of that answer


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of n pictures: what they show if it is one of the classes, and how sure it is that it is one.

    `probabilities` (n, classes) add up to 1 in each row; `sure` (n,) is from 0 to 1; where `abstained` (n,) is true,
    the answer is "none of these".
    """

    probabilities: NDArray[np.float32]
    sure: NDArray[np.float32]
    abstained: NDArray[np.bool_]


def judge(rows: NDArray[np.float32], classes: int, abstain_below: float | None) -> Judgement:
    """Judges an engine's probabilities (n, classes + background).

    With background logits, a picture is as surely one of the classes as these together are likely. Without any, as
    its likeliest class is: the maximum softmax probability of Hendrycks and Gimpel 2017, arXiv:1610.02136.
    """
    own = rows[:, :classes]
    if rows.shape[1] > classes:
        sure = own.sum(axis=1)
        own = own / np.maximum(sure, np.finfo(np.float32).tiny)[:, None]
    else:
        sure = own.max(axis=1, initial=0.0)
    threshold = -np.inf if abstain_below is None else abstain_below
    return Judgement(own, sure, sure < threshold)
