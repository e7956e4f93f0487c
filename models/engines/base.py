"""What runs a bundle: OpenVINO or TensorFlow, behind one interface."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.engines.cores import available_cores

ENGINES = ("openvino", "tensorflow")


OnRoom = Callable[[], object]


def nobody() -> None:
    """Who is told that there is room where nobody wants to know."""


class Engine(Protocol):
    """A network with its normalisation and softmax, ready to run in this process.

    `buckets` are the batch sizes that differ in how they are run, ascending; the last is the largest there can be.
    """

    @property
    def name(self) -> str: ...

    @property
    def precision(self) -> str: ...

    @property
    def buckets(self) -> tuple[int, ...]: ...

    def run(
        self, batch: NDArray[np.uint8], on_room: OnRoom = nobody, *, one_core: bool = False
    ) -> NDArray[np.float32]:
        """Pixels (n, size, size, 3), n at most the largest bucket, to probabilities (n, classes + background).

        Lets go of the GIL. An engine that can begin another batch before this one is done calls `on_room` from this
        thread when that would be worth it: `run` may then be called from a second thread, and not before. One that
        can run a picture on `one_core` leaves the others to what comes meanwhile; it then takes longer.
        """

    def close(self) -> None:
        """Gives its memory back."""


class UnknownEngine(ValueError):
    """No engine has this name."""


def open_engine(
    name: str, bundle: Bundle, cache: Path, threads: int | None = None, precision: str = "auto"
) -> Engine:
    """The engine called `name` with `bundle` in it; what it converts is kept in `cache`.

    `threads` is by default the number of cores this process may use. Precision "auto" is bf16 where the engine and
    the CPU have it. Raises UnknownEngine.
    """
    threads = threads or available_cores()
    if name == "openvino":
        from models.engines.openvino import OpenVINOEngine

        return OpenVINOEngine(bundle, cache, threads, precision)
    if name == "tensorflow":
        from models.engines.tensorflow import TensorFlowEngine

        return TensorFlowEngine(bundle, threads)
    raise UnknownEngine(f"no engine is called {name!r}; choose one of {', '.join(ENGINES)}")
