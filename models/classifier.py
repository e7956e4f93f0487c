"""The classifier: a bundle in, ranked labels out."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.abstain import NONE_OF_THESE, NOT_ONE, Judgement, judge
from models.bundle import Bundle
from models.engines.base import Engine, OnRoom, nobody, open_engine


@dataclass(frozen=True, slots=True)
class Label:
    """A class that the network saw, and how sure it was, 0 to 1; index -1 is "none of these"."""

    index: int
    label: str
    probability: float


class Classifier:
    """A bundle in an engine, which says how many threads may call it at a time.

    `model` is the bundle's name, unless it is served under another one, and `version` names its content; `engine` and
    `precision` say what runs it.
    """

    def __init__(self, bundle: Bundle, engine: Engine, name: str = "") -> None:
        self.model = name or bundle.name
        self.version = bundle.version
        self.input_size = bundle.manifest.network.input_size
        self.labels = bundle.manifest.labels
        self.engine = engine.name
        self.precision = engine.precision
        self._abstain_below = bundle.manifest.abstain_below
        self._engine = engine

    @classmethod
    def load(
        cls,
        bundle: Bundle,
        engine: str = "openvino",
        *,
        cache: Path,
        threads: int | None = None,
        precision: str = "auto",
        name: str = "",
    ) -> Self:
        """See `models.engines.base.open_engine`."""
        return cls(bundle, open_engine(engine, bundle, cache, threads, precision), name)

    def warm(self, max_batch: int = 8) -> None:
        """Runs each batch size that up to `max_batch` pictures can need once: the first run of a size is slow."""
        for _ in self.warming(max_batch):
            pass

    def warming(self, max_batch: int = 8) -> Iterator[int]:
        """`warm` in steps, one run each, for who has other things to run in between."""
        for bucket in self._engine.buckets:
            self._engine.run(np.zeros((bucket, self.input_size, self.input_size, 3), np.uint8))
            yield bucket
            if bucket >= max_batch:
                break

    def classify(
        self, batch: NDArray[np.uint8], top: int = 5, on_room: OnRoom = nobody, *, one_core: bool = False
    ) -> list[list[Label]]:
        """For each picture of (n, input_size, input_size, 3) uint8 RGB its `top` labels, the likeliest first.

        Where the model abstains, "none of these" comes before them. `on_room`, `one_core`: see
        `models.engines.base.Engine.run`.
        """
        if batch.shape[1:] != (self.input_size, self.input_size, 3) or batch.dtype != np.uint8:
            raise ValueError(
                f"a batch of {self.model} is (n, {self.input_size}, {self.input_size}, 3) uint8, "
                f"not {batch.shape} {batch.dtype}"
            )
        judged = self.judge(batch, on_room, one_core=one_core)
        best = _greatest(judged.probabilities, min(top, judged.probabilities.shape[1]))
        answers = [
            [Label(int(index), self.labels[index], float(row[index])) for index in indices]
            for row, indices in zip(judged.probabilities, best, strict=True)
        ]
        for place in np.flatnonzero(judged.abstained):
            none = Label(NOT_ONE, NONE_OF_THESE, float(1 - judged.sure[place]))
            answers[place] = [none, *answers[place]][:top]
        return answers

    def probabilities(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The probability of every class, (n, classes), for a batch of any length."""
        return self.judge(batch).probabilities

    def judge(self, batch: NDArray[np.uint8], on_room: OnRoom = nobody, *, one_core: bool = False) -> Judgement:
        """What a batch of any length shows, and whether that is one of the classes at all."""
        largest = self._engine.buckets[-1]
        parts = [
            self._engine.run(
                batch[start : start + largest],
                on_room if start + largest >= len(batch) else nobody,
                one_core=one_core,
            )
            for start in range(0, len(batch), largest)
        ]
        rows = np.concatenate(parts) if parts else np.empty((0, len(self.labels)), np.float32)
        return judge(rows, len(self.labels), self._abstain_below)

    def close(self) -> None:
        """Gives the engine's memory back; the classifier is of no use afterwards."""
        self._engine.close()


def _greatest(rows: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Each row's ``count`` greatest of (n, classes): their indices, the greatest first, of equals the lower first.

    Only those are sorted: sorting a thousand classes costs as much as a hundredth of the network.
    """
    least = np.partition(rows, -count, axis=1)[:, -count]  # (n,)
    return np.array(
        [
            (above := np.flatnonzero(row >= edge))[np.argsort(-row[above], kind="stable")[:count]]
            for row, edge in zip(rows, least, strict=True)
        ],
        dtype=np.intp,
    ).reshape(len(rows), count)
