"""The runway: where batches go to the engine, each as soon as there is room, and come back in the order they went.

An engine may have room for a batch before the one before it is done, when nothing of that waits for a core any more.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.classifier import ClassifierProtocol
from models.classifier import Label as Ranked
from models.engines.base import OnRoom
from streams.scheduling import Waiting

# To the engine's thread, which needs the interpreter to begin: the loop would keep it for half a millisecond.
HAND_OVER_S = 0.00002
IN_FLIGHT = 2  # batches: one that runs, and one behind it that takes the cores as they become free

Done = asyncio.Future[list[list[Ranked]]]


@dataclass(slots=True, eq=False)
class InFlightBatch:
    """A batch that the engine has since ``started``; ``leaves_room`` once another may start beside what is left."""

    classifier: ClassifierProtocol
    batch: list[Waiting]
    started: float
    job: Done | None = None
    leaves_room: bool = False


class Dispatcher:
    """The way to the engine, for one event loop.

    Args:
        on_landing: called with each batch that is done, in the order of their start.
        on_change: called when there may be room where there was none.
        clock: milliseconds since 1970.
    """

    def __init__(
        self,
        on_landing: Callable[[InFlightBatch, Done], None],
        on_change: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self.on_landing = on_landing
        self.on_change = on_change
        self.clock = clock
        self._flights: deque[InFlightBatch] = deque()
        self._landed = 0.0
        self._closed = False
        self._ms_per_frame: dict[ClassifierProtocol, float] = {}
        self._engine = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="engine")

    @property
    def has_room(self) -> bool:
        """Whether a batch may start now."""
        few = len(self._flights) < IN_FLIGHT
        return few and not self._closed and all(each.leaves_room for each in self._flights)

    @property
    def frames(self) -> int:
        """How many frames are with the engine."""
        return sum(len(each.batch) for each in self._flights)

    def pace(self, classifier: ClassifierProtocol) -> float:
        """The milliseconds that a frame has taken lately; 0: not known yet."""
        return self._ms_per_frame.get(classifier, 0.0)

    def start(
        self,
        classifier: ClassifierProtocol,
        batch: list[Waiting],
        pictures: list[NDArray[np.uint8]],
        *,
        one_core: bool = False,
    ) -> Done:
        """Give a batch to the engine, with its pictures, each (size, size, 3) uint8."""
        loop = asyncio.get_running_loop()
        flight = InFlightBatch(classifier, batch, self.clock())

        def make_room() -> None:
            flight.leaves_room = True
            self.on_change()

        def on_room() -> None:
            loop.call_soon_threadsafe(make_room)

        self._flights.append(flight)
        flight.job = loop.run_in_executor(self._engine, _classify, classifier, pictures, on_room, one_core)
        flight.job.add_done_callback(self._land)
        time.sleep(HAND_OVER_S)
        return flight.job

    async def warm(self, classifier: ClassifierProtocol, max_batch: int) -> None:
        """Warm up a classifier, each step of it between two batches.

        Beside the batches it would be slower for both: two networks at once get in each other's way on all cores.
        """
        loop = asyncio.get_running_loop()
        steps = classifier.warming(max_batch)
        step: int | None = 0
        while step is not None:
            self._closed = True
            try:
                await asyncio.gather(*(each.job for each in self._flights if each.job), return_exceptions=True)
                step = await loop.run_in_executor(self._engine, lambda: next(steps, None))
            finally:
                self._closed = False
                self.on_change()
            await asyncio.sleep(0)  # a batch that waits is next

    def uses(self, classifier: ClassifierProtocol) -> bool:
        """Whether a batch of this classifier is with the engine."""
        return any(each.classifier is classifier for each in self._flights)

    def close(self, classifier: ClassifierProtocol) -> None:
        """Close a classifier that nobody uses any more."""
        self._ms_per_frame.pop(classifier, None)
        self._engine.submit(classifier.close)

    def shutdown(self) -> None:
        """Begin nothing more; what runs is not waited for."""
        self._engine.shutdown(wait=False, cancel_futures=True)

    def _land(self, _: Done) -> None:
        while self._flights and (job := self._flights[0].job) and job.done():
            flight = self._flights.popleft()
            if not job.cancelled():
                self._note_pace(flight)
                self.on_landing(flight, job)
        self.on_change()

    def _note_pace(self, flight: InFlightBatch) -> None:
        now = self.clock()
        took = max(0.0, now - max(flight.started, self._landed)) / len(flight.batch)  # a clock may be set back
        before = self._ms_per_frame.get(flight.classifier, took)
        self._ms_per_frame[flight.classifier] = before + (took - before) / 8
        self._landed = now


def _classify(
    classifier: ClassifierProtocol, pictures: list[NDArray[np.uint8]], on_room: OnRoom, one_core: bool
) -> list[list[Ranked]]:
    batch = np.stack(pictures) if len(pictures) > 1 else pictures[0][np.newaxis]  # (n, size, size, 3) uint8
    return classifier.classify(batch, on_room=on_room, one_core=one_core)
