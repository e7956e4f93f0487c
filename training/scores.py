"""How good a model's answers are: pure functions of its answers and the true classes."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15  # as in the tables of Guo et al. 2017
HARDEST = 24
EXAMPLES = 5
TOP = 5
_Z = 1.959964  # the 97.5 % quantile of the normal distribution: a two-sided 95 % interval


class NothingToScore(ValueError):
    """None of the pictures is of a class of the model."""


@dataclass(frozen=True)
class Answers:
    """A model's answers to n pictures.

    `truth` (n,) holds indices into `labels`, or -1 for an outside picture, which is of none of these classes.
    `probabilities` is (n, classes), 0 to 1. `files` are the pictures' names. `abstained` (n,) is true where the
    answer is "none of these". Raises ValueError when the shapes do not agree or a probability is not finite.
    """

    labels: tuple[str, ...]
    truth: NDArray[np.intp]
    probabilities: NDArray[np.float32]
    files: list[str]
    abstained: NDArray[np.bool_]

    def __post_init__(self) -> None:
        n, classes = len(self.files), len(self.labels)
        if self.truth.shape != (n,) or self.abstained.shape != (n,) or self.probabilities.shape != (n, classes):
            raise ValueError(
                f"{n} files and {classes} labels, but truth {self.truth.shape}, "
                f"abstained {self.abstained.shape} and probabilities {self.probabilities.shape}"
            )
        if n and not -1 <= self.truth.min() <= self.truth.max() < classes:
            raise ValueError(f"truth is from {self.truth.min()} to {self.truth.max()}, not -1 to {classes - 1}")
        if not np.isfinite(self.probabilities).all():
            first = self.files[int(np.flatnonzero(~np.isfinite(self.probabilities).all(axis=1))[0])]
            raise ValueError(f"the model gave {first} a probability that is not finite")


@dataclass(frozen=True)
class ClassScore:
    """The scores of one class, from 0 to 1.

    `recall` is the share of its `n` pictures that were recognised. `precision` is the share of pictures answered with
    its label that are of this class; None when there are none. `confused_with` is the label that its pictures most
    often got instead, `confused` times.
    """

    index: int
    label: str
    n: int
    recall: float
    precision: float | None
    confused_with: str | None
    confused: int


@dataclass(frozen=True)
class Confusion:
    """`count` pictures of class `truth` got the class `answer`.

    `examples` are the indices of some of them, those with the highest confidence first.
    """

    truth: int
    answer: int
    count: int
    examples: tuple[int, ...]


@dataclass(frozen=True)
class Bin:
    """The `count` answers with a confidence above `low` and at most `high`.

    `confidence` is their mean confidence, `accuracy` the share that is right; both are None in an empty bin.
    """

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class HardPicture:
    """A picture, by its index and file, whose true class got only `probability`; `answer` got `confidence`."""

    index: int
    file: str
    truth: int
    probability: float
    answer: int
    confidence: float


@dataclass(frozen=True)
class Scores:
    """The scores of a model's answers; every share is from 0 to 1.

    "Own" pictures show a class of the model, "outside" pictures do not. Up to `hardest`, the fields are about the own
    pictures and use the likeliest class even where the model abstained.
    """

    labels: tuple[str, ...]
    n: int  # own pictures
    top1: float  # share whose true class is the likeliest
    top1_range: tuple[float, float]  # 95 % interval of top1
    top5: float  # share whose true class is among the five likeliest
    ece: float  # expected calibration error
    bins: tuple[Bin, ...]
    classes: tuple[ClassScore, ...]  # those that have pictures, the lowest recall first
    confusions: tuple[Confusion, ...]  # the most frequent first
    hardest: tuple[HardPicture, ...]  # the lowest probability first
    outside: int  # outside pictures
    named_share: float  # share of the own pictures that got a class
    named_top1: float | None  # share of these with the right class
    none_share: float | None  # share of the outside pictures that got "none of these"

    def headline(self) -> dict[str, Any]:
        """The main figures, for JSON."""
        names = ("top1", "top1_range", "top5", "n", "ece", "outside", "named_share", "named_top1", "none_share")
        return {name: getattr(self, name) for name in names}


def score(answers: Answers) -> Scores:
    """The scores of `answers`. Raises NothingToScore when no picture is of one of the model's classes."""
    own = np.flatnonzero(answers.truth >= 0)
    if not len(own):
        raise NothingToScore("there is no picture of any of the model's classes, so nothing to score")
    truth, probabilities, abstained = answers.truth[own], answers.probabilities[own], answers.abstained[own]
    answer, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = answer == truth
    bins = reliability_bins(confidence, right)
    outside_abstained = answers.abstained[answers.truth < 0]
    return Scores(
        labels=answers.labels,
        n=len(own),
        top1=float(right.mean()),
        top1_range=wilson(int(right.sum()), len(own)),
        top5=float((ranks(probabilities, truth) < TOP).mean()),
        ece=expected_calibration_error(bins),
        bins=bins,
        classes=class_scores(answers.labels, truth, answer),
        confusions=confusions(truth, answer, confidence, own),
        hardest=hardest(answers, own),
        outside=len(outside_abstained),
        named_share=float((~abstained).mean()),
        named_top1=float(right[~abstained].mean()) if not abstained.all() else None,
        none_share=float(outside_abstained.mean()) if len(outside_abstained) else None,
    )


def ranks(probabilities: NDArray[np.float32], truth: NDArray[np.intp]) -> NDArray[np.intp]:
    """The rank (n,) of each picture's true class in probabilities (n, classes), 0 for the likeliest.

    Of classes with equal probabilities the lower index comes first.
    """
    of_truth = np.take_along_axis(probabilities, truth[:, None], axis=1)  # (n, 1)
    lower_index = np.arange(probabilities.shape[1]) < truth[:, None]  # (n, classes)
    ahead = (probabilities > of_truth) | ((probabilities == of_truth) & lower_index)
    result: NDArray[np.intp] = ahead.sum(axis=1)
    return result


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of the share `right` of `n` (Wilson 1927, J. Am. Stat. Assoc. 22, 209-212)."""
    share, weight = right / n, _Z**2 / n
    middle = (share + weight / 2) / (1 + weight)
    half = math.sqrt(weight * (share * (1 - share) + weight / 4)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)


def reliability_bins(confidence: NDArray[np.float32], right: NDArray[np.bool_], bins: int = BINS) -> tuple[Bin, ...]:
    """Bins of equal width over the confidences (n,), which are right or not (n,).

    Each bin is open below and closed above, as in Guo et al. 2017 (arXiv:1706.04599, section 2). In a well calibrated
    bin the accuracy equals the mean confidence.
    """
    edges = np.linspace(0, 1, bins + 1)
    places = np.searchsorted(edges[1:-1], confidence.astype(np.float64), side="left")  # (n,)
    counts = np.bincount(places, minlength=bins)
    confidence_sums = np.bincount(places, weights=confidence, minlength=bins)
    right_counts = np.bincount(places, weights=right, minlength=bins)
    return tuple(
        Bin(
            float(edges[place]),
            float(edges[place + 1]),
            int(count),
            float(confidence_sums[place] / count) if count else None,
            float(right_counts[place] / count) if count else None,
        )
        for place, count in enumerate(counts)
    )


def expected_calibration_error(bins: tuple[Bin, ...]) -> float:
    """Σ count/n · |accuracy − confidence| over the bins (Guo et al. 2017, arXiv:1706.04599, equation 3)."""
    n = sum(each.count for each in bins)
    return sum(
        each.count / n * abs(each.accuracy - each.confidence)
        for each in bins
        if each.accuracy is not None and each.confidence is not None
    )


def class_scores(
    labels: tuple[str, ...], truth: NDArray[np.intp], answer: NDArray[np.intp]
) -> tuple[ClassScore, ...]:
    """The scores of the classes that have pictures, from true and answered classes (n,).

    The lowest recall comes first; among equals the class with the most pictures.
    """
    pictures, answered = np.bincount(truth, minlength=len(labels)), np.bincount(answer, minlength=len(labels))
    right = np.bincount(truth[truth == answer], minlength=len(labels))
    most_confused: dict[int, Confusion] = {}
    for confusion in confusions(truth, answer, np.zeros(len(truth), np.float32), np.arange(len(truth))):
        most_confused.setdefault(confusion.truth, confusion)  # the most frequent come first
    scores = []
    for index in map(int, np.flatnonzero(pictures)):
        most = most_confused.get(index)
        scores.append(
            ClassScore(
                index,
                labels[index],
                n=int(pictures[index]),
                recall=float(right[index] / pictures[index]),
                precision=float(right[index] / answered[index]) if answered[index] else None,
                confused_with=labels[most.answer] if most else None,
                confused=most.count if most else 0,
            )
        )
    return tuple(sorted(scores, key=lambda each: (each.recall, -each.n, each.index)))


def confusions(
    truth: NDArray[np.intp], answer: NDArray[np.intp], confidence: NDArray[np.float32], index: NDArray[np.intp]
) -> tuple[Confusion, ...]:
    """The pairs of classes that were confused, the most frequent first; among equals the lower classes first.

    All arguments are (n,). `index` holds the indices that the examples use.
    """
    mistakes: dict[tuple[int, int], list[int]] = {}
    for place in np.argsort(-confidence, kind="stable"):
        if truth[place] != answer[place]:
            mistakes.setdefault((int(truth[place]), int(answer[place])), []).append(int(index[place]))
    ranked = sorted(mistakes.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(Confusion(*pair, len(indices), tuple(indices[:EXAMPLES])) for pair, indices in ranked)


def hardest(answers: Answers, own: NDArray[np.intp], count: int = HARDEST) -> tuple[HardPicture, ...]:
    """Of the pictures `own` (indices), the `count` whose true class got the lowest probability, lowest first."""
    of_truth = answers.probabilities[own, answers.truth[own]]  # (n,)
    found = []
    for place in np.argsort(of_truth, kind="stable")[:count]:
        index = int(own[place])
        row = answers.probabilities[index]
        answer = int(row.argmax())
        truth = int(answers.truth[index])
        found.append(HardPicture(index, answers.files[index], truth, float(row[truth]), answer, float(row[answer])))
    return tuple(found)
