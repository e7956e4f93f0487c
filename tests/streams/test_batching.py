import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.classifier import Label
from models.engines import OnRoom, nobody
from streams.batching import AT_ONCE_BYTES, Batcher, now_ms
from streams.messages import Frame, Prediction


class Slow:
    """A classifier whose label is the picture's brightness, and which holds each batch until it is let go."""

    model, version, engine, precision, input_size = "slow", "1", "none", "f32", 16

    def warming(self, max_batch: int) -> Iterator[int]:
        for size in range(1, max_batch + 1):
            self.classify(np.full((size, self.input_size, self.input_size, 3), 1, np.uint8))
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
        self, batch: NDArray[np.uint8], *, on_room: OnRoom = nobody, one_core: bool = False
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


async def test_a_lone_frame_is_answered_without_waiting_for_others() -> None:
    async with running(slow := Slow()) as (batcher, published):
        batcher.put(frame("a", model="", jpeg=jpeg(200)))
        assert await published.count(1) == [("a", 1, "answered")]
    [prediction] = published.predictions
    assert (prediction.labels[0].label, prediction.model, prediction.version) == ("20", "slow", "1")
    assert slow.batches == [1]


async def test_a_lone_frame_is_with_the_idle_engine_before_the_loop_does_anything_else() -> None:
    async with running(slow := Slow(open=False)) as (batcher, published):
        await asyncio.sleep(0)
        batcher.put(frame("a"))
        assert (batcher._runway.frames, batcher.waiting) == (1, 0)
        batcher.put(frame("b"))
        assert (batcher._runway.frames, batcher.waiting) == (1, 1)
        slow.gate.set()
        await published.count(2)


async def test_a_large_frame_does_not_hold_up_the_loop() -> None:
    async with running(slow := Slow()) as (batcher, published):
        await asyncio.sleep(0)
        batcher.put(frame("a", jpeg=jpeg() + bytes(AT_ONCE_BYTES)))
        assert (batcher._decoding, slow.batches) == (1, [])
        assert await published.count(1) == [("a", 1, "answered")]


async def test_frames_that_come_when_the_batcher_has_ended_are_left_alone() -> None:
    async with running(slow := Slow()) as (batcher, _):
        await asyncio.sleep(0)
    batcher.put(frame("a"))
    assert (batcher.waiting, slow.batches) == (1, [])


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


async def test_a_flood_runs_alone_on_one_core_and_only_when_the_engine_has_nothing_else_to_do() -> None:
    async with running(slow := Slow()) as (batcher, published):
        for number, session in enumerate(["quiet0", "quiet1", "quiet2", *["flood"] * 6], 1):
            batcher.put(frame(session, number))
            await published.count(number)
        slow.gate.clear()
        batcher.put(frame("flood", 10))
        await until(lambda: len(slow.batches) == 10)
        for one in (frame("flood", 11), frame("quiet0", 2), frame("quiet1", 3)):
            batcher.put(one)
        slow.gate.set()
        answered = [session for session, _, _ in await published.count(13)]
    assert [answered[9], set(answered[10:12]), answered[12]] == ["flood", {"quiet0", "quiet1"}, "flood"]
    assert slow.batches[9:] == [1, 2, 1]
    assert slow.on_one_core[9:] == [True, False, True]


async def test_a_flood_that_has_had_its_share_gets_the_next_one_when_its_time_has_come() -> None:
    async with running(Ponderous()) as (batcher, published):
        for number, session in enumerate(["quiet0", "quiet1", "quiet2", *["flood"] * 6], 1):
            batcher.put(frame(session, number))
            await published.count(number)
        await asyncio.sleep(0)
        batcher.put(frame("flood", 10))  # nothing else will wake the batcher
        assert (batcher.waiting, batcher._runway.frames) == (1, 0)
        assert (await published.count(10))[9] == ("flood", 10, "answered")
    began = [each.times["decoded"] for each in published.predictions]
    assert began[9] - began[8] > 150  # milliseconds: four sessions of which each may have the engine for 50


class Roomy(Slow):
    """A slow classifier that has room for a batch beside the one it runs, and lets batches go one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.gates = [threading.Event() for _ in range(3)]

    def classify(
        self, batch: NDArray[np.uint8], *, on_room: OnRoom = nobody, one_core: bool = False
    ) -> list[list[Label]]:
        gate = self.gates[len(self.batches)]
        on_room()
        answers = super().classify(batch)
        assert gate.wait(10)
        return answers


async def test_an_engine_with_room_gets_one_batch_more_and_no_third() -> None:
    async with running(roomy := Roomy(), max_batch=1) as (batcher, published):
        for session in "abc":
            batcher.put(frame(session))
        await until(lambda: len(roomy.batches) == 2 and batcher._forming.frames)
        await asyncio.sleep(0.05)
        assert len(roomy.batches) == 2
        for gate in roomy.gates:
            gate.set()
        await published.count(3)
    assert roomy.batches == [1, 1, 1]


async def test_batches_are_answered_in_the_order_of_their_start_whichever_is_done_first() -> None:
    async with running(roomy := Roomy(), max_batch=1) as (batcher, published):
        batcher.put(frame("a", 1))
        await until(lambda: len(roomy.batches) == 1)
        batcher.put(frame("a", 2))
        await until(lambda: len(roomy.batches) == 2)
        roomy.gates[1].set()
        await asyncio.sleep(0.05)
        assert published.predictions == []
        roomy.gates[0].set()
        assert await published.count(2) == [("a", 1, "answered"), ("a", 2, "answered")]


class Ponderous(Slow):
    """A classifier that takes 50 ms for each picture."""

    def classify(
        self, batch: NDArray[np.uint8], *, on_room: OnRoom = nobody, one_core: bool = False
    ) -> list[list[Label]]:
        time.sleep(0.05 * len(batch))
        return super().classify(batch)


async def test_a_batch_of_a_slow_engine_takes_a_quarter_of_the_freshness_limit() -> None:
    async with running(ponderous := Ponderous(), max_batch=8, freshness_ms=500.0) as (batcher, published):
        batcher.put(frame("first"))
        await published.count(1)
        for number in range(6):
            batcher.put(frame(f"s{number}"))
        await published.count(7)
    assert max(ponderous.batches) == 2


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


class Versioned(Slow):
    """A slow classifier of a version and input size of its own, which notes when it is closed."""

    def __init__(self, version: str, size: int = 16, *, open: bool = True) -> None:
        super().__init__(open=open)
        self.version = version
        self.input_size = size
        self.shapes: list[tuple[int, ...]] = []
        self.closed_after: list[int] | None = None

    def classify(
        self, batch: NDArray[np.uint8], *, on_room: OnRoom = nobody, one_core: bool = False
    ) -> list[list[Label]]:
        assert self.closed_after is None
        self.shapes.append(batch.shape[1:])
        return super().classify(batch, on_room=on_room)

    def close(self) -> None:
        self.closed_after = list(self.batches)


async def test_another_version_takes_over_between_two_batches_and_nothing_is_lost() -> None:
    old, new = Versioned("1", open=False), Versioned("2", size=32)
    async with running(old) as (batcher, published):
        batcher.put(frame("runs"))
        await until(lambda: old.batches)
        batcher.put(frame("formed"))
        await until(lambda: batcher._forming.frames)
        batcher.serve("slow", new)
        assert old.closed_after is None
        old.gate.set()
        await published.count(2)
        batcher.put(frame("next"))
        outcomes = await published.count(3)
        await until(lambda: old.closed_after is not None)
    assert outcomes == [("runs", 1, "answered"), ("formed", 1, "answered"), ("next", 1, "answered")]
    assert [each.version for each in published.predictions] == ["1", "1", "2"]
    assert [each.input_size for each in published.predictions] == [16, 16, 32]
    assert (old.shapes, new.shapes) == ([(16, 16, 3)] * 2, [(32, 32, 3)])
    assert old.closed_after == [1, 1]


async def test_frames_that_wait_are_answered_by_the_version_that_took_over() -> None:
    old, new = Versioned("1", open=False), Versioned("2")
    async with running(old, max_batch=1) as (batcher, published):
        batcher.put(frame("runs"))
        await until(lambda: old.batches)
        batcher.put(frame("formed"))
        await until(lambda: batcher._forming.frames)
        batcher.put(frame("waits"))
        batcher.serve("slow", new)
        old.gate.set()
        await published.count(3)
    assert {each.session: each.version for each in published.predictions} == {
        "runs": "1",
        "formed": "1",
        "waits": "2",
    }


async def test_versions_that_change_all_the_time_lose_no_frame_and_each_is_closed() -> None:
    versions = [Versioned(str(number), size=16 + 8 * (number % 2)) for number in range(20)]
    async with running(Versioned("first")) as (batcher, published):
        for number, version in enumerate(versions):
            batcher.serve("slow", version)
            for session in "abc":
                batcher.put(frame(session, number + 1))
            await published.count(3 * number + 2)
        outcomes = await published.count(60)
        await until(lambda: all(each.closed_after is not None for each in versions[:-1]))
    assert {(session, seq) for session, seq, _ in outcomes} == {(s, n + 1) for s in "abc" for n in range(20)}
    assert {outcome for _, _, outcome in outcomes} <= {"answered", "superseded"}
    assert versions[-1].closed_after is None


async def test_withdrawn_model_answers_what_it_has_begun_and_no_more() -> None:
    kept, gone = Versioned("1"), Versioned("2", open=False)
    gone.model = "gone"
    async with running(kept, gone, max_batch=1) as (batcher, published):
        batcher.put(frame("runs", model="gone"))
        await until(lambda: gone.batches)
        batcher.put(frame("formed", model="gone"))
        await until(lambda: batcher._forming.frames)
        batcher.put(frame("waits", model="gone"))
        batcher.withdraw("gone")
        batcher.put(frame("late", model="gone"))
        batcher.put(frame("other"))
        gone.gate.set()
        outcomes = {session: outcome for session, _, outcome in await published.count(5)}
        await until(lambda: gone.closed_after is not None)
    assert outcomes == {
        "runs": "answered",
        "formed": "answered",
        "waits": "unknown_model",
        "late": "unknown_model",
        "other": "answered",
    }
    told = {each.message for each in published.predictions if each.outcome == "unknown_model"}
    assert told == {"model 'gone' is not served; served are slow"}


async def test_next_version_is_warmed_between_batches() -> None:
    old, new = Versioned("1"), Versioned("2", open=False)
    async with running(old, max_batch=2) as (batcher, published):
        warming = asyncio.create_task(batcher.warm(new))
        await until(lambda: new.batches == [1])
        batcher.put(frame("a"))
        await until(lambda: batcher._forming.frames)
        assert old.batches == []  # the engine is one network's at a time
        new.gate.set()
        await warming
        await published.count(1)
        assert (old.batches, new.batches) == ([1], [1, 2])
