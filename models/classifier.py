"""The classifier: it turns pictures into ranked labels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from models.abstain import NONE_OF_THESE, NOT_ONE, Judgement, judge
from models.bundle import Bundle
from models.engines.base import Engine, EngineOptions, OnRoom, ignore_room
from models.engines.registry import open_engine
from models.networks import View


@dataclass(frozen=True, slots=True)
class Label:
    """A class and its probability, 0 to 1. The index -1 means an answer that is not a class, "none of these".

    The probabilities of all labels of a picture are shares of one whole: together they are at most 1.
    """

    index: int
    label: str
    probability: float


class ClassifierProtocol(Protocol):
    """What a worker uses of a classifier. `Classifier` and `models.gate.Gated` follow it."""

    version: str
    view: View  # how pictures are cut for it
    unsure_below: float  # as in `models.bundle.Manifest`

    @property
    def model(self) -> str: ...

    @property
    def engine(self) -> str: ...

    @property
    def precision(self) -> str: ...

    def classify(
        self, batch: NDArray[np.uint8], *, on_room: OnRoom = ignore_room, one_core: bool = False
    ) -> list[list[Label]]: ...

    def warming(self, max_batch: int) -> Iterator[int]:
        """Runs, one step at a time, each batch size that up to `max_batch` pictures can need.

        The first run of a size is slow. A caller that serves another classifier meanwhile can run batches of it
        between two steps.
        """

    def close(self) -> None:
        """Frees the memory of the networks. The classifier cannot be used afterwards."""


def warm(classifier: ClassifierProtocol, max_batch: int = 8) -> None:
    """Warms a classifier up in one call; see `ClassifierProtocol.warming`."""
    for _ in classifier.warming(max_batch):
        pass


class Classifier:
    """A bundle in an engine. `models.engines.base.Engine` says how many threads may call it at a time.

    `model` is the name under which the bundle is served, by default the bundle's own. `version` identifies its
    content. `engine` and `precision` say what runs it.
    """

    def __init__(self, bundle: Bundle, engine: Engine, name: str = "") -> None:
        self.model = name or bundle.name
        self.version = bundle.version
        self.view = bundle.manifest.network.view
        self.unsure_below = bundle.manifest.unsure_below
        self.labels = bundle.manifest.labels
        self.engine = engine.name
        self.precision = engine.precision
        self._abstain_below = bundle.manifest.abstain_below
        self._sure_of = bundle.manifest.sure_of
        self._engine = engine

    @classmethod
    def load(cls, bundle: Bundle, options: EngineOptions, name: str = "") -> Self:
        """Opens an engine for `bundle`. Raises what `models.engines.registry.open_engine` raises."""
        return cls(bundle, open_engine(bundle, options), name)

    def classify(
        self, batch: NDArray[np.uint8], top: int = 5, *, on_room: OnRoom = ignore_room, one_core: bool = False
    ) -> list[list[Label]]:
        """Returns, for each picture of (n, view.size, view.size, 3) uint8 RGB, its `top` labels, likeliest first.

        For a model that can abstain, "none of these" is one of the labels, and the first one where it abstains. For
        `on_room` and `one_core` see `models.engines.base.Engine.run`. Raises ValueError for a batch of another shape
        or type.
        """
        size = self.view.size
        if batch.shape[1:] != (size, size, 3) or batch.dtype != np.uint8:
            raise ValueError(
                f"a batch of {self.model} is (n, {size}, {size}, 3) uint8, not {batch.shape} {batch.dtype}"
            )
        judged = self.judge(batch, on_room, one_core=one_core)
        best = _greatest(judged.probabilities, min(top, judged.probabilities.shape[1]))
        answers = [
            [Label(int(index), self.labels[index], float(row[index] * named)) for index in indices]
            for row, named, indices in zip(judged.probabilities, judged.named, best, strict=True)
        ]
        if self._abstain_below is None:
            return answers
        return [
            with_other(ranked, Label(NOT_ONE, NONE_OF_THESE, float(none)), first=bool(abstained))[:top]
            for ranked, none, abstained in zip(answers, judged.none, judged.abstained, strict=True)
        ]

    def probabilities(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns the probability of every class among the classes, (n, classes), for a batch of any length."""
        return self.judge(batch).probabilities

    def judge(self, batch: NDArray[np.uint8], on_room: OnRoom = ignore_room, *, one_core: bool = False) -> Judgement:
        """Returns the probabilities for a batch of any length, and where the model abstains."""
        largest = self._engine.buckets[-1]
        parts = [
            self._engine.run(
                batch[start : start + largest],
                on_room if start + largest >= len(batch) else ignore_room,
                one_core=one_core,
            )
            for start in range(0, len(batch), largest)
        ]
        rows = np.concatenate(parts) if parts else np.empty((0, len(self.labels)), np.float32)
        return judge(rows, len(self.labels), self._abstain_below, self._sure_of)

    def warming(self, max_batch: int = 8) -> Iterator[int]:
        for bucket in self._engine.buckets:
            self._engine.run(np.zeros((bucket, self.view.size, self.view.size, 3), np.uint8))
            yield bucket
            if bucket >= max_batch:
                break

    def close(self) -> None:
        self._engine.close()


def with_other(ranked: list[Label], other: Label, *, first: bool) -> list[Label]:
    """Returns the ranked labels with another one: `first`, or behind those that have at least its probability."""
    place = 0 if first else sum(each.probability >= other.probability for each in ranked)
    return [*ranked[:place], other, *ranked[place:]]


def _greatest(rows: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Returns the indices of each row's `count` greatest values, (n, count): greatest first, on ties lowest first.

    Only these are sorted: sorting a thousand classes costs a hundredth of the network's time.
    """
    least = np.partition(rows, -count, axis=1)[:, -count]  # (n,)
    return np.array(
        [
            (above := np.flatnonzero(row >= edge))[np.argsort(-row[above], kind="stable")[:count]]
            for row, edge in zip(rows, least, strict=True)
        ],
        dtype=np.intp,
    ).reshape(len(rows), count)
