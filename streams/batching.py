"""The micro-batcher: frames in, as they come; batches to the classifier, whenever it is free; predictions out.

No frame waits for a batch to fill. While the engine runs one batch, the next one is decoded; it holds what was
freshest when there was room, and goes to the engine as soon as that has room and the frames begun for it are decoded:
on cores that engine and decoders share, to start without those would not be sooner, and small batches cost more a
frame.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.images import BadFrame, FrameTooLarge, UnreadableFrame, read_frame
from streams.contract.clock import now_ms
from streams.contract.messages import Frame, Label, Prediction
from streams.contract.outcomes import CAPTURED, Hop, Outcome, Stage
from streams.dispatch import ClassifierProtocol, Dispatcher, Done, InFlightBatch
from streams.fair_share import FairShare, Turn
from streams.metrics import Metrics
from streams.scheduling import Waiting, batch_limit, choose, is_stale

# why a frame whose picture cannot be read is dropped
REFUSED = {UnreadableFrame: Outcome.UNREADABLE, FrameTooLarge: Outcome.TOO_LARGE}

GIVING_UP_MS = 500.0
DECODERS = 2  # Pillow lets go of the GIL; more threads only take the engine's cores
AT_ONCE_BYTES = 64 * 1024  # of a JPEG: twice what the page sends


@dataclass(slots=True)
class Batch:
    """Frames of one model with their pictures, each (size, size, 3) uint8.

    The first frame decides which classifier the batch is for: whatever is served in its place meanwhile, the
    pictures have the size that this one takes. For ``aside`` see `streams.fair_share.Split`.
    """

    model: str | None = None
    classifier: ClassifierProtocol | None = None
    frames: list[tuple[Waiting, NDArray[np.uint8]]] = field(default_factory=list)
    aside: bool = False


class Batcher:
    """Answers every frame that is ``put`` in time exactly once, through ``publish``, while ``run`` runs.

    Args:
        classifiers: by name, those that are served at first; the first answers frames that name no model.
        publish: called on the event loop with each prediction.
        expire_ms: the age at which gateways give a frame up.
    """

    def __init__(
        self,
        classifiers: Mapping[str, ClassifierProtocol],
        publish: Callable[[Prediction], Awaitable[Any]],
        *,
        max_batch: int,
        freshness_ms: float,
        max_pixels: int,
        expire_ms: float = math.inf,
        clock: Callable[[], float] = now_ms,
        metrics: Metrics | None = None,
    ) -> None:
        self.classifiers = dict(classifiers)
        self.publish = publish
        self.max_batch = max_batch
        self.freshness_ms = freshness_ms
        self.max_pixels = max_pixels
        self.expire_ms = expire_ms
        self.clock = clock
        self.metrics = metrics or Metrics()
        self.batch_sizes: dict[int, int] = {}
        self._waiting: list[Waiting] = []
        self._forming = Batch()
        self._decoding = 0
        self._answers: list[Prediction] = []
        self._turns = FairShare()
        self._again: asyncio.TimerHandle | None = None
        self._retired: list[ClassifierProtocol] = []
        self._runs = False
        self._wake = asyncio.Event()
        self._decoders = ThreadPoolExecutor(DECODERS, thread_name_prefix="decode")
        self._runway = Dispatcher(self._classified, self._wake.set, clock)

    @property
    def waiting(self) -> int:
        """How many frames wait for the engine, those that are being decoded included."""
        return len(self._waiting) + self._decoding + len(self._forming.frames)

    def put(self, frame: Frame) -> None:
        """Let ``frame`` wait for its turn; one that its gateway is giving up is left to it.

        That is so after a restart: two fates written in the same moment are what this avoids.
        """
        if self.clock() - frame.received > self.expire_ms - GIVING_UP_MS:
            return
        frame.model = frame.model or next(iter(self.classifiers), "")
        times = {CAPTURED: frame.captured, Hop.RECEIVED: frame.received, Hop.QUEUED: self.clock()}
        waiting = Waiting(frame, times)
        if frame.model in self.classifiers:
            self._waiting.append(waiting)
        else:
            self._drop_unknown(waiting)
        self._wake.set()
        if self._runs and self.waiting == 1 and self._runway.has_room:  # alone: before the loop does anything else
            self._form()
            self._launch()

    async def warm(self, classifier: ClassifierProtocol) -> None:
        """Warm up a classifier that is to be served, each step of it between two batches."""
        await self._runway.warm(classifier, self.max_batch)

    def serve(self, name: str, classifier: ClassifierProtocol) -> None:
        """Let ``classifier``, warm already, answer from the next batch on; the one before it is closed when done.

        Frames that wait are answered by the new one, those of the batch that is being formed by the old one.
        """
        self._retire(self.classifiers.get(name))
        self.classifiers[name] = classifier

    def withdraw(self, name: str) -> None:
        """Serve this model no longer; frames that wait for it are told so, those of a formed batch are answered."""
        self._retire(self.classifiers.pop(name))
        for each in [each for each in self._waiting if each.frame.model == name]:
            self._waiting.remove(each)
            self._drop_unknown(each)

    async def run(self) -> None:
        """Keep the engine fed until cancelled."""
        self._runs = True
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                self._launch()
                answers, self._answers = self._answers, []
                for answer in answers:
                    answer.times[Hop.PUBLISHED] = self.clock()
                await self._publish(answers)
                self._form()
        finally:
            self._runs = False
            self._decoders.shutdown(wait=False, cancel_futures=True)
            self._runway.shutdown()

    async def _publish(self, answers: list[Prediction]) -> None:
        if len(answers) == 1:
            await self.publish(answers[0])
        else:  # side by side, so that Kafka gets a batch's answers in one request
            await asyncio.gather(*map(self.publish, answers))

    def _retire(self, classifier: ClassifierProtocol | None) -> None:
        if classifier is not None:
            self._retired.append(classifier)
            self._close_retired()

    def _close_retired(self) -> None:
        """Close what no batch needs any more."""
        idle = [
            each for each in self._retired if each is not self._forming.classifier and not self._runway.uses(each)
        ]
        for each in idle:
            self._retired.remove(each)
            self._runway.close(each)

    def _form(self) -> None:
        """Start to decode the freshest waiting frames for which the forming batch has room."""
        if not self._waiting:
            return
        begun = len(self._forming.frames) + self._decoding
        now = self.clock()
        split = self._turns.split(self._waiting, now=now, idle=not begun and not self._runway.frames)
        if split.wait_ms is not None:
            self._look_again(split.wait_ms)
        if not split.run:
            return
        pace = self._runway.pace(self._forming.classifier or self.classifiers[split.run[0].frame.model])
        room = batch_limit(pace, limit_ms=self.freshness_ms, most=self.max_batch) - begun
        if room <= 0:
            return
        ahead = pace * (begun + min(room, len(split.run)) + self._runway.frames)
        choice = choose(
            split.run,
            now=now + min(ahead, self.freshness_ms / 2),
            limit_ms=self.freshness_ms,
            room=room,
            served=self._turns.served,
            model=self._forming.model,
        )
        self._waiting = choice.waiting + split.held
        for each, reason in choice.dropped:
            self._drop(each, reason)
        for each in choice.run:
            self._turns.take(Turn(each.frame.session, at=now, ms=pace))
        self._forming.aside = split.aside
        if choice.run and self._forming.classifier is None:
            self._forming.model = choice.run[0].frame.model
            self._forming.classifier = self.classifiers[choice.run[0].frame.model]
        for part in range(DECODERS):
            if share := choice.run[part::DECODERS]:
                self._decode(share, self._forming.classifier)

    def _look_again(self, wait_ms: float) -> None:
        if self._again:
            self._again.cancel()
        self._again = asyncio.get_running_loop().call_later(wait_ms / 1000, self._wake.set)

    def _decode(self, share: list[Waiting], classifier: ClassifierProtocol | None) -> None:
        assert classifier is not None
        self._decoding += len(share)
        size = classifier.input_size
        jpegs = [each.frame.jpeg for each in share]
        if len(share) == 1 and self._runway.has_room and len(jpegs[0]) <= AT_ONCE_BYTES:
            # nobody else waits: to hand a lone frame over to a thread and back takes half as long as to decode it
            self._decoded(share, _read(jpegs, size, self.max_pixels))
            return
        job = asyncio.get_running_loop().run_in_executor(self._decoders, _read, jpegs, size, self.max_pixels)

        def decoded(done: asyncio.Future[list[NDArray[np.uint8] | Exception]]) -> None:
            if not done.cancelled():
                self._decoded(share, done.result())

        job.add_done_callback(decoded)

    def _decoded(self, share: list[Waiting], pictures: list[NDArray[np.uint8] | Exception]) -> None:
        self._decoding -= len(share)
        self._wake.set()
        now = self.clock()
        for each, picture in zip(share, pictures, strict=True):
            if isinstance(picture, BadFrame):
                self._drop(each, REFUSED.get(type(picture), Outcome.UNREADABLE), str(picture))
            elif isinstance(picture, Exception):
                self._drop(each, Outcome.FAILED, f"decoding failed: {picture!r}")
            else:
                each.times[Hop.DECODED] = now
                self._forming.frames.append((each, picture))

    def _launch(self) -> None:
        """Hand the forming batch to the engine, if both are free, less what has become stale."""
        if self._decoding or not self._runway.has_room:
            return
        now = self.clock()
        fresh: list[tuple[Waiting, NDArray[np.uint8]]] = []
        for each, picture in self._forming.frames:
            if is_stale(each.frame, now, self.freshness_ms):
                self._drop(each, Outcome.STALE)
            else:
                fresh.append((each, picture))
        classifier, aside, self._forming = self._forming.classifier, self._forming.aside, Batch()
        if classifier is not None and fresh:
            self.batch_sizes[len(fresh)] = self.batch_sizes.get(len(fresh), 0) + 1
            job = self._runway.start(
                classifier, [each for each, _ in fresh], [picture for _, picture in fresh], one_core=aside
            )
            ages = [now - each.frame.received for each, _ in fresh]
            job.add_done_callback(self.metrics.count_batch(fresh[0][0].frame.model, ages))
        self._close_retired()

    def _classified(self, flight: InFlightBatch, done: Done) -> None:
        now = self.clock()
        if error := done.exception():
            for each in flight.batch:
                self._drop(each, Outcome.FAILED, f"{flight.classifier.model} failed: {error!r}")
        else:
            for each, ranked in zip(flight.batch, done.result(), strict=True):
                each.times[Hop.CLASSIFIED] = now
                answer = self._answer(each, Outcome.ANSWERED)
                answer.labels = [Label(one.index, one.label, round(one.probability, 5)) for one in ranked]
                answer.version = flight.classifier.version
                answer.input_size = flight.classifier.input_size
                self._answers.append(answer)
        self._close_retired()

    def _drop_unknown(self, waiting: Waiting) -> None:
        served = ", ".join(self.classifiers)
        self._drop(
            waiting, Outcome.UNKNOWN_MODEL, f"model {waiting.frame.model!r} is not served; served are {served}"
        )

    def _drop(self, waiting: Waiting, reason: Outcome, message: str = "") -> None:
        answer = self._answer(waiting, reason)
        answer.message = message
        self._answers.append(answer)
        self._wake.set()

    def _answer(self, waiting: Waiting, outcome: Outcome) -> Prediction:
        frame = waiting.frame
        return Prediction(
            session=frame.session,
            seq=frame.seq,
            outcome=outcome,
            stage=Stage.WORKER,
            model=frame.model,
            times=waiting.times,
            echoes=frame.echoes,
        )


def _read(jpegs: list[bytes], size: int, max_pixels: int) -> list[NDArray[np.uint8] | Exception]:
    """Each frame's picture, (size, size, 3) uint8, or why there is none."""
    pictures: list[NDArray[np.uint8] | Exception] = []
    for jpeg in jpegs:
        try:
            pictures.append(read_frame(jpeg, size, max_pixels))
        except Exception as error:  # a decoder's bug is this frame's fate, not its neighbours'
            pictures.append(error)
    return pictures
