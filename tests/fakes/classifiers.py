"""A classifier that tests hold back, frames for it, and a batcher that runs."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.classifier import Label
from models.engines.base import OnRoom, ignore_room
from models.networks import View
from streams.batching import Batcher
from streams.contract.clock import now_ms
from streams.contract.messages import Frame, Prediction


class Slow:
    """A classifier whose label is the picture's brightness, and which holds each batch until it is let go."""

    model, version, engine, precision = "slow", "1", "none", "f32"
    view = View(16, crop=1.0)
    unsure_below = 0.0

    def warming(self, max_batch: int) -> Iterator[int]:
        for size in range(1, max_batch + 1):
            self.classify(np.full((size, self.view.size, self.view.size, 3), 1, np.uint8))
            yield size

    def close(self) -> None:
        """There is nothing to give back."""

    def __init__(self, *, open: bool = True) -> None:
        self.gate = threading.Event()
        if open:
            self.gate.set()
        self.batches: list[int] = []
        self.on_one_core: list[bool] = []

    def classify(
        self, batch: NDArray[np.uint8], *, on_room: OnRoom = ignore_room, one_core: bool = False
    ) -> list[list[Label]]:
        self.batches.append(len(batch))
        self.on_one_core.append(one_core)
        assert self.gate.wait(10)
        if batch.max() == 0:
            raise RuntimeError("black pictures are too much")
        return [[Label(0, str(round(float(picture.mean()) / 10)), 1.0)] for picture in batch]


def jpeg(brightness: int = 100) -> bytes:
    out = BytesIO()
    Image.new("RGB", (16, 16), (brightness,) * 3).save(out, "JPEG")
    return out.getvalue()


def frame(session: str, seq: int = 1, *, age_ms: float = 0.0, **more: Any) -> Frame:
    return Frame(**{"session": session, "seq": seq, "received": now_ms() - age_ms, "jpeg": jpeg(), **more})


class Published:
    def __init__(self) -> None:
        self.predictions: list[Prediction] = []
        self._changed = asyncio.Condition()

    async def __call__(self, prediction: Prediction) -> None:
        async with self._changed:
            self.predictions.append(prediction)
            self._changed.notify_all()

    async def count(self, number: int) -> list[tuple[str, int, str]]:
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: len(self.predictions) >= number)
        return [(each.session, each.seq, each.outcome) for each in self.predictions]


@asynccontextmanager
async def running(*classifiers: Slow, **limits: Any) -> AsyncIterator[tuple[Batcher, Published]]:
    published = Published()
    publish: Callable[[Prediction], Awaitable[None]] = published
    limits = {"max_batch": 4, "freshness_ms": 1000.0, "max_pixels": 1000, **limits}
    batcher = Batcher({each.model: each for each in classifiers}, publish, **limits)
    task = asyncio.create_task(batcher.run())
    try:
        yield batcher, published
    finally:
        for each in classifiers:
            each.gate.set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.005)
