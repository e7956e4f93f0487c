"""The micro-batcher: frames in, batches to the engine, predictions out.

No frame waits for a batch to fill. While the engine runs one batch, the frames of the next one are decoded. The next
batch starts as soon as the engine has room and all of its frames are decoded: decoders and engine share the cores, so
to start with fewer frames would not be sooner, and small batches cost more for each frame.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifier import ClassifierProtocol
from models.images import BadFrame, FrameTooLarge, read_frame
from streams.contract.clock import now_ms
from streams.contract.messages import Frame, Label, Prediction
from streams.contract.outcomes import CAPTURED, Hop, Outcome, Stage
from streams.dispatch import Dispatcher, InFlightBatch, Result
from streams.fair_share import FairShare, Run
from streams.metrics import Metrics
from streams.scheduling import Limits, Progress, WaitingFrame, is_expiring, is_stale, plan
from streams.served_models import ServedModels

DECODERS = 2  # threads: Pillow releases the GIL while it decodes; more would only take the engine's cores
DECODED_ON_LOOP_BYTES = 64 * 1024  # the largest JPEG that is: twice what the page sends

REMEMBERED = 4096  # frames: more than come between two commits, even if all are dropped
WORKER_HOPS = {Hop.QUEUED, Hop.DECODED, Hop.CLASSIFIED, Hop.PUBLISHED}

Decoded = NDArray[np.uint8] | Exception  # a picture (size, size, 3), or why there is none


@dataclass(slots=True)
class NextBatch:
    """The batch that is being prepared: frames of one model with their pictures, each (size, size, 3) uint8.

    The first frame decides the classifier. It stays, even if another version is served meanwhile: the pictures have
    the size that it takes. ``decoding``: how many more frames of the batch are being decoded.
    """

    model: str | None = None
    classifier: ClassifierProtocol | None = None
    frames: list[tuple[WaitingFrame, NDArray[np.uint8]]] = field(default_factory=list)
    decoding: int = 0
    on_one_core: bool = False

    @property
    def size(self) -> int:
        """How many frames it has, those included that are being decoded."""
        return self.decoding + len(self.frames)


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many frames wait to be planned, are being decoded, are decoded, and are on the engine."""

    waiting: int
    decoding: int
    decoded: int
    running: int


class Batcher:
    """Publishes exactly one prediction for every frame that is ``put``, while ``run`` runs.

    The exception are frames that their gateway has given up, or is about to: nobody gets two outcomes.

    Args:
        classifiers: by model name; the first answers frames that name no model.
        publish: called on the event loop with each prediction.
        max_pixels: the most pixels that a frame may have.
        expire_ms: the age at which gateways give a frame up.
        clock: milliseconds since 1970.
        skew: by how many milliseconds this clock is ahead of that of a frame's gateway. The times in predictions are
            by the gateway's clock.
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
        skew: Callable[[Frame], float] = lambda _: 0.0,
        metrics: Metrics | None = None,
    ) -> None:
        self.models = ServedModels(classifiers)
        self.publish = publish
        self.limits = Limits(max_batch, freshness_ms)
        self.max_pixels = max_pixels
        self.expire_ms = expire_ms
        self.clock = clock
        self.skew = skew
        self.metrics = metrics or Metrics()
        self._waiting: list[WaitingFrame] = []
        self._next = NextBatch()
        self._answers: list[tuple[Prediction, WaitingFrame]] = []
        self._share = FairShare()
        self._taken: dict[tuple[str, int], None] = {}
        self._look_again: asyncio.TimerHandle | None = None
        self._runs = False
        self._wake = asyncio.Event()
        self._decoders = ThreadPoolExecutor(DECODERS, thread_name_prefix="decode")
        self._dispatcher = Dispatcher(self._classified, self._wake.set, clock)

    @property
    def backlog(self) -> Backlog:
        """Where the frames are that have no prediction yet."""
        return Backlog(len(self._waiting), self._next.decoding, len(self._next.frames), self._dispatcher.running)

    @property
    def waiting(self) -> int:
        """How many frames the engine does not have yet."""
        return len(self._waiting) + self._next.size

    @property
    def oldest_batch(self) -> float | None:
        """When the oldest batch on the engine started, in milliseconds since 1970; None if there is none."""
        return self._dispatcher.oldest

    def put(self, frame: Frame) -> None:
        """Take a frame. A lone frame goes to an idle engine at once, before the event loop does anything else."""
        now, skew = self.clock(), self.skew(frame)
        times = {CAPTURED: frame.captured, Hop.RECEIVED: frame.received, Hop.QUEUED: now}
        frame.received += skew
        if is_expiring(frame, now, self.expire_ms) or not self._is_new(frame):
            return
        frame.model = frame.model or self.models.default
        waiting = WaitingFrame(frame, times, skew)
        if frame.model in self.models:
            self._waiting.append(waiting)
        else:
            self._drop_unknown(waiting)
        self._wake.set()
        if self._runs and self.waiting == 1 and self._dispatcher.has_room:
            self._prepare()
            self._start()

    async def run(self) -> None:
        """Keep the engine busy until cancelled."""
        self._runs = True
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                self._start()
                answers, self._answers = self._answers, []
                await self._publish([each for each, of in answers if self._stamp(each, of)])
                self._prepare()
        finally:
            self._runs = False
            self._decoders.shutdown(wait=False, cancel_futures=True)
            self._dispatcher.shutdown()

    async def warm(self, classifier: ClassifierProtocol) -> None:
        """Warm a classifier up before it is served, each step between two batches."""
        await self._dispatcher.warm(classifier, self.limits.max_batch)

    def serve(self, name: str, classifier: ClassifierProtocol) -> None:
        """Let a warm classifier answer for a model from the next batch on.

        It also answers the frames that wait. The classifier before it still answers the batch that is being prepared.
        """
        self.models.serve(name, classifier)
        self._close_unused()

    def withdraw(self, name: str) -> None:
        """Serve a model no longer. Its waiting frames are dropped; a batch that is being prepared is answered."""
        self.models.withdraw(name)
        self._close_unused()
        for each in [each for each in self._waiting if each.frame.model == name]:
            self._waiting.remove(each)
            self._drop_unknown(each)

    def _is_new(self, frame: Frame) -> bool:
        """Whether this worker has not taken a frame before: it reads some again when partitions move."""
        key = frame.session, frame.seq
        if key in self._taken:
            return False
        self._taken[key] = None
        if len(self._taken) > REMEMBERED:
            del self._taken[next(iter(self._taken))]
        return True

    def _stamp(self, answer: Prediction, waiting: WaitingFrame) -> bool:
        """Note that an answer is published now. False if its gateway gives the frame up: this worker stood still."""
        answer.times[Hop.PUBLISHED] = now = self.clock()
        if waiting.skew:
            for hop in WORKER_HOPS & answer.times.keys():
                answer.times[hop] -= waiting.skew
        return not is_expiring(waiting.frame, now, self.expire_ms)

    async def _publish(self, answers: list[Prediction]) -> None:
        if len(answers) == 1:
            await self.publish(answers[0])
        else:  # together, so that Kafka gets the answers of a batch in one request
            await asyncio.gather(*map(self.publish, answers))

    def _prepare(self) -> None:
        """Plan what runs next, and begin to decode it."""
        if not self._waiting:
            return
        now = self.clock()
        progress = Progress(self._next.model, self._next.size, self._dispatcher.running)
        planned = plan(self._waiting, now, self._pace, limits=self.limits, share=self._share, progress=progress)
        self._waiting = planned.keep
        for each, reason in planned.drop:
            self._drop(each, reason)
        if planned.look_again_ms is not None:
            self._plan_again_in(planned.look_again_ms)
        if not planned.run:
            return
        batch = self._next
        batch.on_one_core = planned.on_one_core
        if batch.classifier is None:
            batch.model = planned.run[0].frame.model
            batch.classifier = self.models[batch.model]
        for each in planned.run:
            self._share.record(Run(each.frame.session, now, self._dispatcher.ms_per_frame(batch.classifier)))
        for part in range(DECODERS):
            if frames := planned.run[part::DECODERS]:
                self._decode(frames, batch.classifier.view.size)

    def _pace(self, model: str) -> float:
        return self._dispatcher.ms_per_frame(self._next.classifier or self.models[model])

    def _plan_again_in(self, wait_ms: float) -> None:
        if self._look_again:
            self._look_again.cancel()
        self._look_again = asyncio.get_running_loop().call_later(wait_ms / 1000, self._wake.set)

    def _decode(self, frames: list[WaitingFrame], size: int) -> None:
        self._next.decoding += len(frames)
        jpegs = [each.frame.jpeg for each in frames]
        if len(frames) == 1 and self._dispatcher.has_room and len(jpegs[0]) <= DECODED_ON_LOOP_BYTES:
            # no other frame waits: to change to a thread and back would take half as long as to decode
            self._decoded(frames, _read(jpegs, size, self.max_pixels))
            return
        job = asyncio.get_running_loop().run_in_executor(self._decoders, _read, jpegs, size, self.max_pixels)

        def done(job: asyncio.Future[list[Decoded]]) -> None:
            if not job.cancelled():
                self._decoded(frames, job.result())

        job.add_done_callback(done)

    def _decoded(self, frames: list[WaitingFrame], pictures: list[Decoded]) -> None:
        self._next.decoding -= len(frames)
        self._wake.set()
        now = self.clock()
        for each, picture in zip(frames, pictures, strict=True):
            if isinstance(picture, FrameTooLarge):
                self._drop(each, Outcome.TOO_LARGE, str(picture))
            elif isinstance(picture, BadFrame):
                self._drop(each, Outcome.UNREADABLE, str(picture))
            elif isinstance(picture, Exception):
                self._drop(each, Outcome.FAILED, f"decoding failed: {picture!r}")
            else:
                each.times[Hop.DECODED] = now
                self._next.frames.append((each, picture))

    def _start(self) -> None:
        """Start the next batch, less what has become stale, if all of it is decoded and the engine has room."""
        if self._next.decoding or not self._dispatcher.has_room:
            return
        now = self.clock()
        fresh: list[tuple[WaitingFrame, NDArray[np.uint8]]] = []
        for each, picture in self._next.frames:
            if is_stale(each.frame, now, self.limits.freshness_ms):
                self._drop(each, Outcome.STALE)
            else:
                fresh.append((each, picture))
        batch, self._next = self._next, NextBatch()
        if batch.classifier is not None and fresh:
            result = self._dispatcher.start(
                batch.classifier,
                [each for each, _ in fresh],
                [picture for _, picture in fresh],
                one_core=batch.on_one_core,
            )
            ages = [now - each.frame.received for each, _ in fresh]
            result.add_done_callback(self.metrics.count_batch(fresh[0][0].frame.model, ages))
        self._close_unused()

    def _classified(self, batch: InFlightBatch, result: Result) -> None:
        now = self.clock()
        if error := result.exception():
            for each in batch.frames:
                self._drop(each, Outcome.FAILED, f"{batch.classifier.model} failed: {error!r}")
        else:
            for each, ranked in zip(batch.frames, result.result(), strict=True):
                each.times[Hop.CLASSIFIED] = now
                answer = _prediction(each, Outcome.ANSWERED)
                answer.labels = [Label(one.index, one.label, round(one.probability, 5)) for one in ranked]
                answer.version = batch.classifier.version
                answer.input_size = batch.classifier.view.size
                self._answers.append((answer, each))
        self._close_unused()

    def _close_unused(self) -> None:
        for each in self.models.take_unused(self._uses):
            self._dispatcher.close(each)

    def _uses(self, classifier: ClassifierProtocol) -> bool:
        return classifier is self._next.classifier or self._dispatcher.uses(classifier)

    def _drop_unknown(self, waiting: WaitingFrame) -> None:
        served = ", ".join(self.models)
        why = f"model {waiting.frame.model!r} is not served; served are {served}"
        self._drop(waiting, Outcome.UNKNOWN_MODEL, why)

    def _drop(self, waiting: WaitingFrame, reason: Outcome, message: str = "") -> None:
        answer = _prediction(waiting, reason)
        answer.message = message
        self._answers.append((answer, waiting))
        self._wake.set()


def _prediction(waiting: WaitingFrame, outcome: Outcome) -> Prediction:
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


def _read(jpegs: list[bytes], size: int, max_pixels: int) -> list[Decoded]:
    pictures: list[Decoded] = []
    for jpeg in jpegs:
        try:
            pictures.append(read_frame(jpeg, size, max_pixels))
        except Exception as error:  # an unexpected failure of the decoder concerns this frame only
            pictures.append(error)
    return pictures
