"""What an engine is: it runs the network of one bundle."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

MAX_CONCURRENT_BATCHES = 2  # the one that runs, and the next one, which takes each core as it becomes free

OnRoom = Callable[[], object]


def ignore_room() -> None:
    """A callback that does nothing."""


@dataclass(frozen=True)
class EngineOptions:
    """Which engine runs a network, and how.

    `cache` is the folder for converted networks. Precision "auto" is bf16 where the engine and the CPU support it,
    and f32 elsewhere. `threads` is the number of threads; 0 is one for each core that this process may use.
    """

    cache: Path
    engine: str = "openvino"
    precision: str = "auto"
    threads: int = 0


class Engine(Protocol):
    """A network with its normalisation and softmax, ready to run in this process.

    `buckets` are the batch sizes that the engine runs in different ways, in ascending order. The last one is the
    largest batch size.
    """

    @property
    def name(self) -> str: ...

    @property
    def precision(self) -> str: ...

    @property
    def buckets(self) -> tuple[int, ...]: ...

    def run(
        self, batch: NDArray[np.uint8], on_room: OnRoom = ignore_room, *, one_core: bool = False
    ) -> NDArray[np.float32]:
        """Returns the probabilities (n, classes + background) of pixels (n, size, size, 3).

        n is at most the largest bucket. The call releases the GIL. An engine that can begin the next batch before
        this one is done calls `on_room` from this thread when beginning it is worth while. Only then may a second
        thread call `run`. With `one_core`, an engine that can do so uses one core and leaves the others to the next
        batch; this batch then takes longer.
        """

    def close(self) -> None:
        """Frees the memory of the network."""
