"""How good a model's answers are: pure functions of what it said and what was true."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15  # as Guo et al. 2017 have in their tables
HARDEST = 24
EXAMPLES = 5
TOP = 5
_Z = 1.959964  # two-sided 95 % of the normal distribution


class NothingToScore(ValueError):
    """Not one of the answers is about a picture of a class of the model."""


@dataclass(frozen=True)
class Answers:
    """What a model said of n pictures.

    `truth` (n,) indexes `labels`, -1 is a picture of none of them; `probabilities` is (n, classes), 0 to 1; `files`
    names the pictures; `none` (n,) tells where the model answered "none of these". Raises ValueError when these do
    not belong together or a probability is not finite.
    """

    labels: tuple[str, ...]
    truth: NDArray[np.intp]
    probabilities: NDArray[np.float32]
    files: list[str]
    none: NDArray[np.bool_]

    def __post_init__(self) -> None:
        n, classes = len(self.files), len(self.labels)
        if self.truth.shape != (n,) or self.none.shape != (n,) or self.probabilities.shape != (n, classes):
            raise ValueError(
                f"{n} files and {classes} labels, but truth {self.truth.shape}, none {self.none.shape} "
                f"and probabilities {self.probabilities.shape}"
            )
        if n and not -1 <= self.truth.min() <= self.truth.max() < classes:
            raise ValueError(f"truth is from {self.truth.min()} to {self.truth.max()}, not -1 to {classes - 1}")
        if not np.isfinite(self.probabilities).all():
            worst = self.files[int(np.flatnonzero(~np.isfinite(self.probabilities).all(axis=1))[0])]
            raise ValueError(f"the model gave {worst} a probability that is no number")


@dataclass(frozen=True)
class ClassScore:
    """One class: of its `n` pictures the share that was recognised (`recall`), and of all pictures that got its label
    the share it was right for (`precision`, None when none got it). `confused_with` is the class that its pictures
    were most often taken for instead, `confused` times."""

    index: int
    label: str
    n: int
    recall: float
    precision: float | None
    confused_with: str | None
    confused: int


@dataclass(frozen=True)
class Confusion:
    """`count` pictures of class `truth` were taken for `answer`; `examples` indexes some, the surest first."""

    truth: int
    answer: int
    count: int
    examples: tuple[int, ...]


@dataclass(frozen=True)
class Bin:
    """The `count` answers whose confidence is above `low` and at most `high`, and their mean confidence and accuracy,
    None in an empty bin."""

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Hard:
    """A picture, by its index and file, that gave `probability` to the class it is of and `sureness` to `answer`."""

    index: int
    file: str
    truth: int
    probability: float
    answer: int
    sureness: float


@dataclass(frozen=True)
class Scores:
    """How good the answers are; every share is 0 to 1.

    Everything but `none_share` is about the `n` pictures of the model's own classes, and everything but `named_share`
    and `named_top1` about the likeliest label, whether or not the model rather said "none of these". `top1_range` is
    where the true top-1 lies with 95 %. `classes` are those with pictures, the worst first.

    `named_share` of the own pictures were still named, `named_top1` of these rightly; `none_share` of the `outside`
    pictures, which are of no class of the model, were answered "none of these".
    """

    labels: tuple[str, ...]
    n: int
    top1: float
    top1_range: tuple[float, float]
    top5: float
    ece: float
    bins: tuple[Bin, ...]
    classes: tuple[ClassScore, ...]
    confusions: tuple[Confusion, ...]
    hardest: tuple[Hard, ...]
    outside: int
    named_share: float
    named_top1: float | None
    none_share: float | None

    def headline(self) -> dict[str, Any]:
        """The few figures that people compare, for JSON."""
        return {
            "top1": self.top1,
            "top1_range": list(self.top1_range),
            "top5": self.top5,
            "n": self.n,
            "ece": self.ece,
            "outside": self.outside,
            "named_share": self.named_share,
            "named_top1": self.named_top1,
            "none_share": self.none_share,
        }

    def to_json(self) -> dict[str, Any]:
        """Everything, for JSON: classes by their labels, pictures by their index in the answers."""

        def named(record: Confusion | Hard) -> dict[str, Any]:
            return asdict(record) | {"truth": self.labels[record.truth], "answer": self.labels[record.answer]}

        return self.headline() | {
            "classes": [asdict(each) for each in self.classes],
            "confusions": [named(each) | {"examples": list(each.examples)} for each in self.confusions],
            "calibration": [asdict(each) for each in self.bins],
            "hardest": [named(each) for each in self.hardest],
        }


def score(answers: Answers) -> Scores:
    """The scores of `answers`. Raises NothingToScore when no picture is of one of the model's classes."""
    own = np.flatnonzero(answers.truth >= 0)
    if not len(own):
        raise NothingToScore("there is no picture of any of the model's classes, so nothing to score")
    truth, probabilities, none = answers.truth[own], answers.probabilities[own], answers.none[own]
    answer, sureness = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = answer == truth
    bins = calibration(sureness, right)
    outside = answers.none[answers.truth < 0]
    return Scores(
        labels=answers.labels,
        n=len(own),
        top1=float(right.mean()),
        top1_range=wilson(int(right.sum()), len(own)),
        top5=float((ranks(probabilities, truth) < TOP).mean()),
        ece=expected_calibration_error(bins),
        bins=bins,
        classes=class_scores(answers.labels, truth, answer),
        confusions=confusions(truth, answer, sureness, own),
        hardest=hardest(answers, own),
        outside=len(outside),
        named_share=float((~none).mean()),
        named_top1=float(right[~none].mean()) if not none.all() else None,
        none_share=float(outside.mean()) if len(outside) else None,
    )


def ranks(probabilities: NDArray[np.float32], truth: NDArray[np.intp]) -> NDArray[np.intp]:
    """The place of each picture's true class among (n, classes), 0 the likeliest; of equals the lower index first."""
    given = np.take_along_axis(probabilities, truth[:, None], axis=1)  # (n, 1)
    earlier = np.arange(probabilities.shape[1]) < truth[:, None]  # (n, classes)
    places: NDArray[np.intp] = ((probabilities > given) | ((probabilities == given) & earlier)).sum(axis=1)
    return places


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share of `right` in `n` (Wilson 1927, J. Am. Stat. Assoc. 22, 209-212)."""
    share, weight = right / n, _Z**2 / n
    middle = (share + weight / 2) / (1 + weight)
    half = math.sqrt(weight * (share * (1 - share) + weight / 4)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)


def calibration(confidence: NDArray[np.float32], right: NDArray[np.bool_], bins: int = BINS) -> tuple[Bin, ...]:
    """`bins` bins of equal width over the confidences (n,), each open below and closed above as in Guo et al. 2017
    (arXiv:1706.04599, section 2): in a well calibrated bin the accuracy is the mean confidence."""
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], confidence.astype(np.float64), side="left")  # (n,)
    counts = np.bincount(place, minlength=bins)
    sure = np.bincount(place, weights=confidence, minlength=bins)
    correct = np.bincount(place, weights=right, minlength=bins)
    return tuple(
        Bin(
            float(edges[at]),
            float(edges[at + 1]),
            int(count),
            float(sure[at] / count) if count else None,
            float(correct[at] / count) if count else None,
        )
        for at, count in enumerate(counts)
    )


def expected_calibration_error(bins: tuple[Bin, ...]) -> float:
    """Σ count/n · |accuracy − confidence| over the bins (Guo et al. 2017, arXiv:1706.04599, equation 3)."""
    n = sum(each.count for each in bins)
    gaps = ((each.count, each.accuracy, each.confidence) for each in bins)
    return sum(count / n * abs(right - sure) for count, right, sure in gaps if right is not None and sure is not None)


def class_scores(
    labels: tuple[str, ...], truth: NDArray[np.intp], answer: NDArray[np.intp]
) -> tuple[ClassScore, ...]:
    """The classes that have pictures, those with the lowest recall first, of these those with most pictures."""
    has, gets = np.bincount(truth, minlength=len(labels)), np.bincount(answer, minlength=len(labels))
    right = np.bincount(truth[truth == answer], minlength=len(labels))
    taken_for: dict[int, tuple[int, int]] = {}
    for pair in confusions(truth, answer, np.zeros(len(truth), np.float32), np.arange(len(truth))):
        taken_for.setdefault(pair.truth, (pair.answer, pair.count))  # the pairs come most frequent first
    scores = []
    for at in map(int, np.flatnonzero(has)):
        other, count = taken_for.get(at, (None, 0))
        precision = float(right[at] / gets[at]) if gets[at] else None
        confused_with = None if other is None else labels[other]
        scores.append(
            ClassScore(at, labels[at], int(has[at]), float(right[at] / has[at]), precision, confused_with, count)
        )
    return tuple(sorted(scores, key=lambda each: (each.recall, -each.n, each.index)))


def confusions(
    truth: NDArray[np.intp], answer: NDArray[np.intp], sureness: NDArray[np.float32], index: NDArray[np.intp]
) -> tuple[Confusion, ...]:
    """The pairs of classes that were mistaken, the most frequent first, of equals the lower classes first.

    All arguments are (n,); `index` is what the examples name the pictures by.
    """
    mistakes: dict[tuple[int, int], list[int]] = {}
    for at in np.argsort(-sureness, kind="stable"):
        if truth[at] != answer[at]:
            mistakes.setdefault((int(truth[at]), int(answer[at])), []).append(int(index[at]))
    ranked = sorted(mistakes.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return tuple(Confusion(*pair, len(found), tuple(found[:EXAMPLES])) for pair, found in ranked)


def hardest(answers: Answers, own: NDArray[np.intp], count: int = HARDEST) -> tuple[Hard, ...]:
    """Of the pictures at `own` the `count` whose own class got the lowest probability, the lowest first."""
    given = answers.probabilities[own, answers.truth[own]]  # (n,)
    found = []
    for at in np.argsort(given, kind="stable")[:count]:
        index = int(own[at])
        answer = int(answers.probabilities[index].argmax())
        sureness = float(answers.probabilities[index, answer])
        found.append(Hard(index, answers.files[index], int(answers.truth[index]), float(given[at]), answer, sureness))
    return tuple(found)
