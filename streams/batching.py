"""The micro-batcher: frames in, as they come; batches to the classifier, whenever it is free; predictions out.

It is work-conserving: the engine never idles while a decoded frame waits, and no frame waits for a batch to fill.
While the engine runs one batch, the next one is decoded; it holds what was freshest when there was room.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifier import Classifier
from models.classifier import Label as Ranked
from models.images import BadFrame, read_frame
from streams.freshness import STALE, Waiting, choose, is_stale
from streams.messages import ANSWERED, Frame, Label, Prediction

UNKNOWN_MODEL = "unknown_model"
FAILED = "failed"

REMEMBERED_SESSIONS = 10_000  # for fairness: who was served when
GIVING_UP_MS = 500.0
DECODERS = 2  # Pillow lets go of the GIL; more threads only take the engine's cores


def now_ms() -> float:
    """Milliseconds since 1970."""
    return time.time() * 1000


@dataclass(slots=True)
class Batch:
    """Frames of one model with their pictures, each (size, size, 3) uint8."""

    model: str | None = None
    frames: list[tuple[Waiting, NDArray[np.uint8]]] = field(default_factory=list)


class Batcher:
    """Answers every frame that is ``put`` in time exactly once, through ``publish``, while ``run`` runs.

    Args:
        classifiers: by name, all that are served; the first answers frames that name no model.
        publish: called on the event loop with each prediction.
        expire_ms: the age at which gateways give a frame up.
    """

    def __init__(
        self,
        classifiers: Mapping[str, Classifier],
        publish: Callable[[Prediction], Awaitable[Any]],
        *,
        max_batch: int,
        freshness_ms: float,
        max_pixels: int,
        expire_ms: float = math.inf,
        clock: Callable[[], float] = now_ms,
    ) -> None:
        self.classifiers = dict(classifiers)
        self.default = next(iter(self.classifiers))
        self.publish = publish
        self.max_batch = max_batch
        self.freshness_ms = freshness_ms
        self.max_pixels = max_pixels
        self.expire_ms = expire_ms
        self.clock = clock
        self.batch_sizes: dict[int, int] = {}
        self._waiting: list[Waiting] = []
        self._forming = Batch()
        self._decoding = 0
        self._answers: list[Prediction] = []
        self._served: dict[str, int] = {}
        self._turn = 0
        self._busy = False
        self._wake = asyncio.Event()
        self._decoders = ThreadPoolExecutor(DECODERS, thread_name_prefix="decode")
        self._engine = ThreadPoolExecutor(1, thread_name_prefix="engine")

    def put(self, frame: Frame) -> None:
        """Let ``frame`` wait for its turn; one that its gateway is giving up is left to it.

        That is so after a restart: two fates written in the same moment are what this avoids.
        """
        if self.clock() - frame.received > self.expire_ms - GIVING_UP_MS:
            return
        frame.model = frame.model or self.default
        times = {"captured": frame.captured, "received": frame.received, "queued": self.clock()}
        waiting = Waiting(frame, times)
        if frame.model in self.classifiers:
            self._waiting.append(waiting)
        else:
            served = ", ".join(self.classifiers)
            self._drop(waiting, UNKNOWN_MODEL, f"model {frame.model!r} is not served; served are {served}")
        self._wake.set()

    async def run(self) -> None:
        """Keep the engine fed until cancelled."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                self._launch()
                answers, self._answers = self._answers, []
                for answer in answers:
                    answer.times["published"] = self.clock()
                    await self.publish(answer)
                self._form()
        finally:
            self._decoders.shutdown(wait=False, cancel_futures=True)
            self._engine.shutdown(wait=False, cancel_futures=True)

    def _form(self) -> None:
        """Start to decode the freshest waiting frames for which the forming batch has room."""
        room = self.max_batch - len(self._forming.frames) - self._decoding
        if not self._waiting or room <= 0:
            return
        choice = choose(
            self._waiting,
            now=self.clock(),
            limit_ms=self.freshness_ms,
            room=room,
            served=self._served,
            model=self._forming.model,
        )
        self._waiting = choice.waiting
        for each, reason in choice.dropped:
            self._drop(each, reason)
        for each in choice.run:
            self._forming.model = each.frame.model
            self._note_served(each.frame.session)
            self._decode(each)

    def _note_served(self, session: str) -> None:
        self._turn += 1
        self._served.pop(session, None)
        self._served[session] = self._turn
        if len(self._served) > REMEMBERED_SESSIONS:
            del self._served[next(iter(self._served))]

    def _decode(self, waiting: Waiting) -> None:
        self._decoding += 1
        size = self.classifiers[waiting.frame.model].input_size
        job = asyncio.get_running_loop().run_in_executor(
            self._decoders, read_frame, waiting.frame.jpeg, size, self.max_pixels
        )
        job.add_done_callback(lambda done: self._decoded(waiting, done))

    def _decoded(self, waiting: Waiting, done: asyncio.Future[NDArray[np.uint8]]) -> None:
        self._decoding -= 1
        self._wake.set()
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            waiting.times["decoded"] = self.clock()
            self._forming.frames.append((waiting, done.result()))
        elif isinstance(error, BadFrame):
            self._drop(waiting, error.reason, str(error))
        else:
            self._drop(waiting, FAILED, f"decoding failed: {error!r}")

    def _launch(self) -> None:
        """Hand the forming batch to the engine, if that is free, less what has become stale."""
        if self._busy:
            return
        now = self.clock()
        fresh: list[tuple[Waiting, NDArray[np.uint8]]] = []
        for each, picture in self._forming.frames:
            if is_stale(each.frame, now, self.freshness_ms):
                self._drop(each, STALE)
            else:
                fresh.append((each, picture))
        # frames still being decoded join the next batch, which then is of the same model
        self._forming = Batch(self._forming.model if self._decoding else None)
        if not fresh:
            return
        self._busy = True
        self.batch_sizes[len(fresh)] = self.batch_sizes.get(len(fresh), 0) + 1
        classifier = self.classifiers[fresh[0][0].frame.model]
        job = asyncio.get_running_loop().run_in_executor(
            self._engine, _classify, classifier, [picture for _, picture in fresh]
        )
        job.add_done_callback(lambda done: self._classified(classifier, [each for each, _ in fresh], done))

    def _classified(
        self, classifier: Classifier, batch: list[Waiting], done: asyncio.Future[list[list[Ranked]]]
    ) -> None:
        self._busy = False
        self._wake.set()
        if done.cancelled():
            return
        now = self.clock()
        if error := done.exception():
            for each in batch:
                self._drop(each, FAILED, f"{classifier.model} failed: {error!r}")
            return
        for each, ranked in zip(batch, done.result(), strict=True):
            each.times["classified"] = now
            answer = self._answer(each, ANSWERED)
            answer.labels = [Label(one.index, one.label, round(one.probability, 5)) for one in ranked]
            answer.version = classifier.version
            answer.input_size = classifier.input_size
            self._answers.append(answer)

    def _drop(self, waiting: Waiting, reason: str, message: str = "") -> None:
        answer = self._answer(waiting, reason)
        answer.message = message
        self._answers.append(answer)
        self._wake.set()

    def _answer(self, waiting: Waiting, outcome: str) -> Prediction:
        frame = waiting.frame
        return Prediction(
            session=frame.session,
            seq=frame.seq,
            outcome=outcome,
            stage="worker",
            model=frame.model,
            times=waiting.times,
            echoes=frame.echoes,
        )


def _classify(classifier: Classifier, pictures: list[NDArray[np.uint8]]) -> list[list[Ranked]]:
    return classifier.classify(np.stack(pictures))  # (n, size, size, 3) uint8
