"""How confident the model should be: the temperature, the threshold of "none of these", and that of "not sure".

They need pictures that the head did not learn from. Where there are few in validation, training pictures are measured
as well, each by a head that was trained without it (cross-validation: Stone 1974, J. R. Stat. Soc. B 36, 111-147).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import betaincinv, softmax

from models.abstain import SureOf, judge
from training.linear import cross_entropy
from training.recipes import Features, Labels, Progress, TrainedHead, TrainingData

STILL_NAMED = 0.97  # the share of pictures of the classes that must still get a class
SURE_OF: SureOf = "likeliest"
ENOUGH = 100  # validation pictures, with which no training picture is measured
FOLDS = 5
FEW = 33  # of fewer pictures, 3 % are less than one: the threshold is then between ASSUMED
ASSUMED = (0.5, 0.8)
NOTHING_KNOWN = 0.5  # the threshold without any measured picture: likelier than everything else together
IMAGINED = 10  # pictures in the threshold of "not sure", for the probabilities that were hardly measured
LOG_TEMPERATURE_SPREAD = 0.5  # of the prior for the temperature, which is 1 without pictures


@dataclass(frozen=True)
class Measured:
    """Logits (n, classes + background) of pictures that the head which gave them did not learn from; labels (n,)."""

    logits: NDArray[np.float32]
    labels: Labels


@dataclass(frozen=True)
class Calibration:
    """The temperature and the thresholds, and what they were measured on.

    `pictures` were measured, `crossed` of them by cross-validation; `unmeasured` are the classes without any. `named`
    is the 90 % interval of the share of good pictures that get a class; None if the threshold is assumed.
    """

    temperature: float
    abstain_below: float
    unsure_below: float
    pictures: int
    crossed: int
    unmeasured: tuple[int, ...]
    named: tuple[float, float] | None

    def about(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "still_named": STILL_NAMED,
            "pictures": self.pictures,
            "by_cross_validation": self.crossed,
            "classes_without_any": len(self.unmeasured),
            "threshold": "assumed" if self.named is None else "measured",
            "named_90_percent_interval": self.named and [round(share, 4) for share in self.named],
        }

    def sentence(self) -> str:
        """What the threshold is worth, for people."""
        start = f"“none of these”: the threshold {self.abstain_below:.2f}"
        how = f"{self.pictures} pictures" + (f" ({self.crossed} by cross-validation)" if self.crossed else "")
        if not self.pictures:
            return f"{start} is assumed: nothing was measured; add pictures, at least two of each class"
        if self.named is None:
            return f"{start} is uncertain: it was measured on only {how}, and {FEW} are needed; add pictures"
        low, high = self.named
        return f"{start} was measured on {how}: {low:.0%} to {high:.0%} of good pictures get a class"


def measure(
    fit: Callable[[TrainingData, int, Progress], TrainedHead],
    data: TrainingData,
    valid: tuple[Features, Labels],
    trained_head: TrainedHead,
    seed: int,
    progress: Progress = lambda activity, share: None,
) -> list[Measured]:
    """The validation pictures, measured by the head, and training pictures if there are fewer than ENOUGH of those.

    `valid` may be empty. Each part that is left out of the training is a run of neighbours in each class, because
    neighbours are often pictures of one moment. The only picture of a class is never left out.
    """
    measured = [Measured(trained_head.logits(valid[0]), valid[1])]
    if len(valid[1]) >= ENOUGH:
        return measured
    fold = folds(data.train_labels)
    for number in range(FOLDS):
        progress(f"cross-validation {number + 1} of {FOLDS}", number / FOLDS)
        out = fold == number
        if out.any():
            train = data.train[~out], data.train_labels[~out]
            held_back = valid if len(valid[1]) else train
            without = replace(
                data, train=train[0], train_labels=train[1], valid=held_back[0], valid_labels=held_back[1]
            )
            head = fit(without, seed, lambda activity, share: None)
            measured.append(Measured(head.logits(data.train[out]), data.train_labels[out]))
    return measured


def folds(labels: Labels) -> NDArray[np.intp]:
    """The fold (n,), 0 to FOLDS - 1, of each training picture; -1 for the only picture of a class."""
    fold = np.full(len(labels), -1, np.intp)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        if len(own) > 1:
            fold[own] = (np.arange(len(own)) * FOLDS // len(own) + label) % FOLDS
    return fold


def calibrate(measured: Sequence[Measured], classes: int) -> Calibration:
    """The calibration by these pictures; the first part is that of validation, the others are of cross-validation."""
    labels = np.concatenate([each.labels for each in measured])
    temperature = fit_temperature(np.concatenate([each.logits[:, :classes] for each in measured]), labels)
    sure = np.concatenate([confidence(each.logits, classes, temperature) for each in measured])
    background = any(each.logits.shape[1] > classes for each in measured)
    abstain_below = abstain_threshold(sure, background=background)
    parts = [first_labels(each, classes, temperature, abstain_below) for each in measured]
    return Calibration(
        temperature,
        abstain_below,
        unsure_threshold(*map(np.concatenate, zip(*parts, strict=True))),
        len(labels),
        len(labels) - len(measured[0].labels),
        tuple(int(label) for label in np.setdiff1d(np.arange(classes), labels)),
        None if len(labels) < FEW else named_interval(len(labels)),
    )


def fit_temperature(logits: NDArray[np.float32], labels: Labels, spread: float = LOG_TEMPERATURE_SPREAD) -> float:
    """The likeliest temperature for logits (n, classes) with the labels (n,); 1 when n is 0.

    Temperature scaling: Guo et al. 2017 (arXiv:1706.04599, section 4.2). Searched from e⁻³ to e³. Its logarithm has a
    normal prior of this spread around 0: a few pictures that are all right would otherwise give the least temperature
    there is.
    """
    if not len(labels):
        return 1.0

    def loss(log_t: float) -> float:
        prior = (log_t / spread) ** 2 / 2 / len(labels)
        return cross_entropy(logits, labels, math.exp(log_t)) + prior

    return round(math.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x), 4)


def probabilities(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """The softmax of logits (n, classes + background) divided by the temperature, as the engines compute it."""
    softmaxed: NDArray[np.float32] = softmax(logits / np.float32(temperature), axis=1)
    return softmaxed


def confidence(logits: NDArray[np.float32], classes: int, temperature: float) -> NDArray[np.float32]:
    """How sure (n,) the model is of each picture, as it is served."""
    return judge(probabilities(logits, temperature), classes, None, SURE_OF).sure


def abstain_threshold(sure: NDArray[np.float32], *, background: bool, still_named: float = STILL_NAMED) -> float:
    """The confidence below which the answer is "none of these", from confidences (n,) of pictures of the classes.

    It is the k-th least of them, with k from `_rank`. Of fewer than FEW pictures, it is the confidence that nine of
    ten have, but within ASSUMED: pictures that were measured without most of the few others look worse than they
    are. Without background there is no such common scale of confidence, so it has no lower limit.
    """
    ascending = np.sort(sure)
    if not len(sure):
        return NOTHING_KNOWN
    if len(sure) >= FEW:
        return float(ascending[_rank(len(sure), still_named) - 1])
    least, most = ASSUMED if background else (0.0, NOTHING_KNOWN)
    return min(max(float(ascending[math.ceil((len(sure) + 1) / 10) - 1]), least), most)


def first_labels(
    measured: Measured, classes: int, temperature: float, abstain_below: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The probability (n,) of the first label of each picture, in the list that is served, and whether it is right.

    Pictures that are "none of these" are left out: all measured ones show a class, but most of those served do not.
    """
    judgement = judge(probabilities(measured.logits, temperature), classes, abstain_below, SURE_OF)
    first = judgement.probabilities.max(axis=1, initial=0.0) * judgement.named
    right = judgement.probabilities.argmax(axis=1) == measured.labels
    return first[~judgement.abstained], right[~judgement.abstained]


def unsure_threshold(first: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """The probability below which a first label is more likely wrong than right, from measured probabilities (n,).

    It is the threshold with the fewest mistakes, right labels below it and wrong ones above it, that is where the
    isotonic regression of being right on the probability crosses one half (Zadrozny and Elkan 2002, KDD, 694-699).
    IMAGINED more pictures are spread evenly, and are right as often as their probability says: where little is
    measured, the probability is believed.
    """
    imagined = (np.arange(IMAGINED) + 0.5) / IMAGINED
    values, place = np.unique(np.concatenate([[0.0], first, imagined, [1.0]]), return_inverse=True)
    gains = np.bincount(place, np.concatenate([[0.0], right - 0.5, imagined - 0.5, [0.0]]))
    best = int(np.cumsum(gains).argmin())  # the last value that is below the threshold
    return round(float(values[best : best + 2].mean()), 4)


def named_interval(n: int, still_named: float = STILL_NAMED) -> tuple[float, float]:
    """The 90 % interval of the share of good pictures that are above a threshold that `n` pictures gave.

    The share above the k-th least of n is distributed as Beta(n + 1 - k, k), whatever the confidences are (Wilks
    1941, Ann. Math. Stat. 12, 91-96).
    """
    k = _rank(n, still_named)
    low, high = betaincinv(n + 1 - k, k, [0.05, 0.95])
    return float(low), float(high)


def _rank(n: int, still_named: float) -> int:
    """Which of n confidences, the least is 1, is the threshold. One picture more than wanted is given up.

    So a single odd picture among a few does not decide. In the mean, k / (n + 1) of good pictures are below the k-th
    least (split conformal prediction: Vovk, Gammerman and Shafer 2005).
    """
    return min(n, math.ceil(round((1 - still_named) * (n + 1), 9)) + 1)
