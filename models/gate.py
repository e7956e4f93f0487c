"""A gate before a model: a published network first decides whether a picture is passed on to the model."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.abstain import NOT_ONE, none_weight
from models.classifier import Classifier, Label, with_other
from models.engines.base import OnRoom, ignore_room
from models.images import read_picture
from models.networks import NETWORKS, View
from models.weights import imagenet_labels

THRESHOLD = 0.5  # a picture passes when the gate's labels together have this probability


class BadGate(ValueError):
    """A gate cannot be made from these values; the message says which values are possible."""


@dataclass(frozen=True)
class Gate:
    """A picture in which the published `network` finds none of ImageNet's classes `labels` is answered `answer`."""

    network: str
    labels: tuple[int, ...]
    answer: str

    def __post_init__(self) -> None:
        classes = len(imagenet_labels())
        if self.network not in NETWORKS:
            raise BadGate(f"{self.network!r} cannot be a gate; these can: {', '.join(NETWORKS)}")
        if not self.labels or not all(0 <= index < classes for index in self.labels):
            raise BadGate(f"a gate's labels are one or more of ImageNet's 0 to {classes - 1}, not {self.labels}")
        if not self.answer.strip() or not self.answer.isprintable():
            raise BadGate('a gate needs an answer for the pictures that it rejects, such as "not a dog"')

    def plain(self) -> dict[str, str]:
        """Returns the gate as an object for JSON."""
        return {"network": self.network, "labels": ranges(self.labels), "answer": self.answer}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> "Gate":
        """Returns the gate that `plain` was made from. Raises BadGate, KeyError and ValueError."""
        plain = msgspec.convert(plain, dict[str, str])
        return cls(plain["network"], read_labels(plain["labels"]), plain["answer"])


class Gated:
    """A classifier, `inner`, that gets only the pictures which the gate's classifier, `outer`, lets pass.

    It is used like a `models.classifier.Classifier`. Its view is the smallest that holds the views of both: each gets
    from it the middle that it would cut from the picture itself.
    """

    def __init__(self, inner: Classifier, outer: Classifier, gate: Gate) -> None:
        self.inner = inner
        self.outer = outer
        self.gate = gate
        self.model = inner.model
        self.version = inner.version
        self.engine = inner.engine
        self.precision = inner.precision
        self.view = covering(inner.view, outer.view)
        self.unsure_below = inner.unsure_below

    def classify(
        self, batch: NDArray[np.uint8], top: int = 5, *, on_room: OnRoom = ignore_room, one_core: bool = False
    ) -> list[list[Label]]:
        """Like `Classifier.classify`. A picture that the gate rejects has the gate's answer as its only label.

        For other pictures that answer is one of the labels, on the same scale.
        """
        probabilities = self.outer.probabilities(recut(batch, self.view, self.outer.view))  # (n, 1000)
        known = probabilities[:, list(self.gate.labels)].sum(axis=1)  # (n,)
        passes = known >= THRESHOLD
        passed = recut(batch[passes], self.view, self.inner.view) if passes.any() else batch[:0]
        ranked = self.inner.classify(passed, top, on_room=on_room, one_core=one_core) if len(passed) else []
        likeliest = np.array([labels[0].probability for labels in ranked])
        weights = none_weight(likeliest, known[passes], THRESHOLD, np.zeros(len(ranked), np.bool_))
        answers = iter([self._named(*each)[:top] for each in zip(ranked, weights, strict=True)])
        return [
            next(answers) if ok else [Label(NOT_ONE, self.gate.answer, 1 - float(probability))]
            for ok, probability in zip(passes, known, strict=True)
        ]

    def _named(self, ranked: list[Label], weight: float) -> list[Label]:
        """The labels of the inner model and the gate's answer, which has `weight` beside them."""
        share = 1 / (1 + weight)
        inner = [replace(each, probability=float(each.probability * share)) for each in ranked]
        return with_other(inner, Label(NOT_ONE, self.gate.answer, float(weight * share)), first=False)

    def warming(self, max_batch: int = 8) -> Iterator[int]:
        yield from self.outer.warming(max_batch)
        yield from self.inner.warming(max_batch)

    def close(self) -> None:
        self.inner.close()
        self.outer.close()


def covering(*views: View) -> View:
    """The smallest view that shows all that these show, with at least as many pixels for each of them."""
    crop = max(each.crop for each in views)
    # rounding must not add a pixel to what divides evenly
    return View(max(ceil(round(each.size * crop / each.crop, 6)) for each in views), crop)


def recut(batch: NDArray[np.uint8], cut: View, view: View) -> NDArray[np.uint8]:
    """Cuts pictures (n, cut.size, cut.size, 3) uint8 for another view, which shows no more: bicubic."""
    if cut == view:
        return batch
    pictures = [Image.fromarray(each) for each in batch]
    return np.stack([read_picture(each, view.size, view.crop / cut.crop) for each in pictures])


def read_labels(text: str) -> tuple[int, ...]:
    """Returns the ImageNet class indices in `text`, which is "151-268", "1,5,7-9" or the path of a file.

    The file has one index or one label on each line. Raises BadGate.
    """
    path = Path(text)
    try:
        if path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines()
            return tuple(sorted({index for line in lines if line.strip() for index in _indices(line.strip())}))
        return tuple(sorted({index for part in text.split(",") for index in _range(part)}))
    except (OSError, ValueError) as error:
        raise BadGate(
            f"{text!r} names no labels ({error}); write class indices, 151-268 or 1,5,7-9, or name a file"
        ) from error


def ranges(indices: Iterable[int]) -> str:
    """Returns the text that `read_labels` reads as these indices, such as "1,5,7-9"."""
    runs: list[list[int]] = []
    for index in sorted(set(indices)):
        if runs and runs[-1][1] == index - 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _indices(line: str) -> list[int]:
    if line.isdigit():
        return [int(line)]
    plain = line.lower().replace("_", " ")
    found = [index for index, name in enumerate(imagenet_labels()) if plain == name.lower().replace("_", " ")]
    if not found:
        raise ValueError(f"{line!r} is none of ImageNet's labels")
    return found


def _range(part: str) -> range:
    first, _, last = part.partition("-")
    found = range(int(first), int(last or first) + 1)
    if len(found) == 0 or found[-1] > 100_000:
        raise ValueError(f"{part!r} is no range")
    return found
