"""Hands batches to the engine's threads, and gives their results back in the order in which the batches started.

An engine may take a batch before the one before it is done, as soon as a core has nothing left to do.
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
from models.engines.base import MAX_CONCURRENT_BATCHES, OnRoom
from streams.scheduling import WaitingFrame

YIELD_S = 0.00002
SMOOTHING = 1 / 8  # the weight of the latest batch in the pace

Result = asyncio.Future[list[list[Ranked]]]


@dataclass(slots=True, eq=False)
class InFlightBatch:
    """A batch on the engine, ``started`` at so many milliseconds since 1970.

    ``has_room``: another batch may start beside what is left of this one.
    """

    classifier: ClassifierProtocol
    frames: list[WaitingFrame]
    started: float
    result: Result | None = None
    has_room: bool = False


class Dispatcher:
    """The engine's threads, for one event loop.

    Args:
        on_done: called on the loop with each batch that is done, in the order of their start, and its result.
        on_room: called on the loop when a batch may have become possible.
        clock: milliseconds since 1970.
    """

    def __init__(
        self,
        on_done: Callable[[InFlightBatch, Result], None],
        on_room: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self.on_done = on_done
        self.on_room = on_room
        self.clock = clock
        self._batches: deque[InFlightBatch] = deque()
        self._last_done = 0.0
        self._paused = False
        self._ms_per_frame: dict[ClassifierProtocol, float] = {}
        self._threads = ThreadPoolExecutor(MAX_CONCURRENT_BATCHES, thread_name_prefix="engine")

    @property
    def has_room(self) -> bool:
        """Whether a batch may start now."""
        return (
            len(self._batches) < MAX_CONCURRENT_BATCHES
            and not self._paused
            and all(batch.has_room for batch in self._batches)
        )

    @property
    def running(self) -> int:
        """How many frames are on the engine."""
        return sum(len(batch.frames) for batch in self._batches)

    @property
    def oldest(self) -> float | None:
        """When the oldest batch on the engine started, in milliseconds since 1970; None if there is none."""
        return self._batches[0].started if self._batches else None

    def ms_per_frame(self, classifier: ClassifierProtocol) -> float:
        """The milliseconds that a frame has taken lately; 0 while they are unknown."""
        return self._ms_per_frame.get(classifier, 0.0)

    def uses(self, classifier: ClassifierProtocol) -> bool:
        """Whether a batch of this classifier is on the engine."""
        return any(batch.classifier is classifier for batch in self._batches)

    def start(
        self,
        classifier: ClassifierProtocol,
        frames: list[WaitingFrame],
        pictures: list[NDArray[np.uint8]],
        *,
        one_core: bool = False,
    ) -> Result:
        """Start a batch: ``frames`` with their pictures, each (size, size, 3) uint8. Only while ``has_room``."""
        loop = asyncio.get_running_loop()
        batch = InFlightBatch(classifier, frames, self.clock())

        def make_room() -> None:
            batch.has_room = True
            self.on_room()

        def room_from_thread() -> None:
            loop.call_soon_threadsafe(make_room)

        self._batches.append(batch)
        batch.result = loop.run_in_executor(
            self._threads, _classify, classifier, pictures, room_from_thread, one_core
        )
        batch.result.add_done_callback(self._collect)
        time.sleep(YIELD_S)  # yields the GIL so that the engine's thread can start; the loop may hold it for long
        return batch.result

    async def warm(self, classifier: ClassifierProtocol, max_batch: int) -> None:
        """Warm a classifier up, each step between two batches: two networks at once would slow each other down."""
        loop = asyncio.get_running_loop()
        steps = classifier.warming(max_batch)
        step: int | None = 0
        while step is not None:
            self._paused = True
            try:
                await asyncio.gather(
                    *(batch.result for batch in self._batches if batch.result), return_exceptions=True
                )
                step = await loop.run_in_executor(self._threads, lambda: next(steps, None))
            finally:
                self._paused = False
                self.on_room()
            await asyncio.sleep(0)  # a batch that waits starts first

    def close(self, classifier: ClassifierProtocol) -> None:
        """Close a classifier that no batch uses, in an engine thread."""
        self._ms_per_frame.pop(classifier, None)
        self._threads.submit(classifier.close)

    def shutdown(self) -> None:
        """Start nothing more. Does not wait for what runs."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _collect(self, _: Result) -> None:
        while self._batches and (result := self._batches[0].result) and result.done():
            batch = self._batches.popleft()
            if not result.cancelled():
                self._measure(batch)
                self.on_done(batch, result)
        self.on_room()

    def _measure(self, batch: InFlightBatch) -> None:
        now = self.clock()
        took = max(0.0, now - max(batch.started, self._last_done)) / len(batch.frames)  # the clock may be set back
        before = self._ms_per_frame.get(batch.classifier, took)
        self._ms_per_frame[batch.classifier] = before + (took - before) * SMOOTHING
        self._last_done = now


def _classify(
    classifier: ClassifierProtocol, pictures: list[NDArray[np.uint8]], on_room: OnRoom, one_core: bool
) -> list[list[Ranked]]:
    batch = np.stack(pictures) if len(pictures) > 1 else pictures[0][np.newaxis]  # (n, size, size, 3) uint8
    return classifier.classify(batch, on_room=on_room, one_core=one_core)
