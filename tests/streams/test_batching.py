import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.classifier import Label
from streams.batching import Batcher, now_ms
from streams.messages import Frame, Prediction


class Slow:
    """A classifier whose label is the picture's brightness, and which holds each batch until it is let go."""

    model, version, engine, precision, input_size = "slow", "1", "none", "f32", 16

    def __init__(self, *, open: bool = True) -> None:
        self.gate = threading.Event()
        if open:
            self.gate.set()
        self.batches: list[int] = []

    def classify(self, batch: NDArray[np.uint8]) -> list[list[Label]]:
        self.batches.append(len(batch))
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
    batcher = Batcher({each.model: each for each in classifiers}, publish, **limits)  # type: ignore[misc]
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


async def test_a_lone_frame_is_answered_without_waiting_for_others() -> None:
    async with running(slow := Slow()) as (batcher, published):
        batcher.put(frame("a", model="", jpeg=jpeg(200)))
        assert await published.count(1) == [("a", 1, "answered")]
    [prediction] = published.predictions
    assert (prediction.labels[0].label, prediction.model, prediction.version) == ("20", "slow", "1")
    assert slow.batches == [1]


async def test_what_arrives_while_the_engine_runs_is_one_batch_afterwards() -> None:
    async with running(slow := Slow(open=False)) as (batcher, published):
        batcher.put(frame("first"))
        await until(lambda: slow.batches)
        for session in "abc":
            batcher.put(frame(session))
        await until(lambda: len(batcher._forming.frames) == 3)
        slow.gate.set()
        await published.count(4)
    assert slow.batches == [1, 3]


async def test_times_are_stamped_in_order() -> None:
    async with running(Slow()) as (batcher, published):
        batcher.put(frame("a", captured=now_ms() - 5))
        await published.count(1)
    times = published.predictions[0].times
    assert list(times) == ["captured", "received", "queued", "decoded", "classified", "published"]
    assert sorted(times.values()) == list(times.values())


async def test_no_batch_is_larger_than_allowed_and_all_are_answered() -> None:
    async with running(slow := Slow(open=False), max_batch=4) as (batcher, published):
        for number in range(11):
            batcher.put(frame(f"s{number}"))
        await until(lambda: slow.batches)
        slow.gate.set()
        outcomes = await published.count(11)
    assert {outcome for _, _, outcome in outcomes} == {"answered"}
    assert max(slow.batches) <= 4


async def test_a_frame_that_became_stale_while_the_engine_ran_is_dropped() -> None:
    async with running(slow := Slow(open=False), freshness_ms=200.0) as (batcher, published):
        batcher.put(frame("a"))
        await until(lambda: slow.batches)
        batcher.put(frame("b"))
        await until(lambda: batcher._forming.frames)
        await asyncio.sleep(0.3)
        slow.gate.set()
        assert ("b", 1, "stale") in await published.count(2)


async def test_one_bad_frame_costs_one_answer_and_nobody_else_notices() -> None:
    large = BytesIO()
    Image.new("RGB", (64, 64)).save(large, "JPEG")
    async with running(Slow()) as (batcher, published):
        batcher.put(frame("bad", jpeg=b"\xff\xd8nonsense"))
        batcher.put(frame("cut", jpeg=jpeg()[:-300]))
        batcher.put(frame("large", jpeg=large.getvalue()))
        batcher.put(frame("who", model="nobody"))
        batcher.put(frame("good"))
        outcomes = await published.count(5)
    assert sorted(outcomes) == [
        ("bad", 1, "unreadable"),
        ("cut", 1, "unreadable"),
        ("good", 1, "answered"),
        ("large", 1, "too_large"),
        ("who", 1, "unknown_model"),
    ]


async def test_an_engine_that_fails_answers_its_batch_with_that_and_goes_on() -> None:
    async with running(Slow()) as (batcher, published):
        batcher.put(frame("black", jpeg=jpeg(0)))
        assert await published.count(1) == [("black", 1, "failed")]
        batcher.put(frame("white"))
        assert (await published.count(2))[1] == ("white", 1, "answered")


async def test_models_take_turns_and_never_share_a_batch() -> None:
    one, two = Slow(open=False), Slow(open=False)
    two.model = "other"
    async with running(one, two) as (batcher, published):
        for number in range(3):
            batcher.put(frame(f"a{number}", model="slow"))
            batcher.put(frame(f"b{number}", model="other"))
        one.gate.set()
        two.gate.set()
        await published.count(6)
    assert {each.session[0]: each.model for each in published.predictions} == {"a": "slow", "b": "other"}


async def test_every_frame_gets_exactly_one_answer_under_a_storm() -> None:
    async with running(Slow(), max_batch=3, freshness_ms=50.0) as (batcher, published):
        sent = set()
        for seq in range(1, 101):
            for session in "abcde":
                batcher.put(frame(session, seq, age_ms=seq % 3 * 40))
                sent.add((session, seq))
            await asyncio.sleep(0)
        answered = [(session, seq) for session, seq, _ in await published.count(500)]
    assert len(answered) == 500
    assert set(answered) == sent


async def test_a_frame_that_its_gateway_is_giving_up_is_left_to_it() -> None:
    async with running(Slow(), expire_ms=3000.0) as (batcher, published):
        batcher.put(frame("late", age_ms=2600.0))
        batcher.put(frame("stale", age_ms=2000.0))
        batcher.put(frame("fresh"))
        assert sorted(await published.count(2)) == [("fresh", 1, "answered"), ("stale", 1, "stale")]
        batcher.put(frame("next"))
        assert ("next", 1, "answered") in await published.count(3)
