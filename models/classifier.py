"""The classifier: a bundle in, ranked labels out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.engines import Engine, open_engine


@dataclass(frozen=True, slots=True)
class Label:
    """A class that the network saw, and how sure it was, 0 to 1."""

    index: int
    label: str
    probability: float


class Classifier:
    """A bundle in an engine, for one calling thread at a time.

    `model` is the bundle's name and `version` names its content; `engine` and `precision` say what runs it.
    """

    def __init__(self, bundle: Bundle, engine: Engine) -> None:
        self.model = bundle.name
        self.version = bundle.version
        self.input_size = bundle.manifest.network.input_size
        self.labels = bundle.manifest.labels
        self.engine = engine.name
        self.precision = engine.precision
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
    ) -> Self:
        """See `models.engines.open_engine`."""
        return cls(bundle, open_engine(engine, bundle, cache, threads, precision))

    def warm(self, max_batch: int = 8) -> None:
        """Runs each batch size that up to `max_batch` pictures can need once: the first run of a size is slow."""
        for bucket in self._engine.buckets:
            self._engine.run(np.zeros((bucket, self.input_size, self.input_size, 3), np.uint8))
            if bucket >= max_batch:
                break

    def classify(self, batch: NDArray[np.uint8], top: int = 5) -> list[list[Label]]:
        """For each picture of (n, input_size, input_size, 3) uint8 RGB its `top` labels, the likeliest first."""
        if batch.shape[1:] != (self.input_size, self.input_size, 3) or batch.dtype != np.uint8:
            raise ValueError(
                f"a batch of {self.model} is (n, {self.input_size}, {self.input_size}, 3) uint8, "
                f"not {batch.shape} {batch.dtype}"
            )
        return [self._ranked(row, top) for row in self.probabilities(batch)]

    def probabilities(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The probability of every class, (n, classes), for a batch of any length."""
        largest = self._engine.buckets[-1]
        parts = [self._engine.run(batch[start : start + largest]) for start in range(0, len(batch), largest)]
        return np.concatenate(parts) if parts else np.empty((0, len(self.labels)), np.float32)

    def close(self) -> None:
        """Gives the engine's memory back; the classifier is of no use afterwards."""
        self._engine.close()

    def _ranked(self, row: NDArray[np.float32], top: int) -> list[Label]:
        best = np.argsort(-row, kind="stable")[:top]
        return [Label(int(index), self.labels[index], float(row[index])) for index in best]
