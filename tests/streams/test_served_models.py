"""Models that are added, replaced and withdrawn: on their own, and while the batcher runs."""

import asyncio

import numpy as np
import pytest
from numpy.typing import NDArray

from models.classifier import Label
from models.engines.base import OnRoom, ignore_room
from models.networks import View
from streams.served_models import ServedModels
from tests.fakes.classifiers import Slow, frame, running, until


class Versioned(Slow):
    """A slow classifier of a version and input size of its own, which notes when it is closed."""

    def __init__(self, version: str, size: int = 16, *, open: bool = True) -> None:
        super().__init__(open=open)
        self.version = version
        self.view = View(size, crop=1.0)
        self.shapes: list[tuple[int, ...]] = []
        self.closed_after: list[int] | None = None

    def classify(
        self, batch: NDArray[np.uint8], *, on_room: OnRoom = ignore_room, one_core: bool = False
    ) -> list[list[Label]]:
        assert self.closed_after is None
        self.shapes.append(batch.shape[1:])
        return super().classify(batch, on_room=on_room)

    def close(self) -> None:
        self.closed_after = list(self.batches)


def test_the_first_model_is_the_default() -> None:
    models = ServedModels({"one": Slow(), "two": Slow()})
    assert (models.default, list(models), ServedModels({}).default) == ("one", ["one", "two"], "")


def test_a_version_that_replaces_another_keeps_its_place() -> None:
    models = ServedModels({"one": Slow(), "two": Slow()})
    models.serve("one", new := Slow())
    assert (models["one"], models.default) == (new, "one")


def test_a_replaced_version_is_unused_once_no_batch_needs_it() -> None:
    models = ServedModels({"one": (old := Slow())})
    models.serve("one", Slow())
    assert models.take_unused(lambda each: each is old) == []
    assert models.take_unused(lambda each: False) == [old]
    assert models.take_unused(lambda each: False) == []


def test_a_withdrawn_model_is_served_no_longer() -> None:
    models = ServedModels({"one": (gone := Slow())})
    models.withdraw("one")
    assert "one" not in models
    assert models.take_unused(lambda each: False) == [gone]
    with pytest.raises(KeyError):
        models.withdraw("one")


async def test_another_version_takes_over_between_two_batches_and_nothing_is_lost() -> None:
    old, new = Versioned("1", open=False), Versioned("2", size=32)
    async with running(old) as (batcher, published):
        batcher.put(frame("runs"))
        await until(lambda: old.batches)
        batcher.put(frame("formed"))
        await until(lambda: batcher.backlog.decoded)
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
        await until(lambda: batcher.backlog.decoded)
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
        await until(lambda: batcher.backlog.decoded)
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
    messages = {each.message for each in published.predictions if each.outcome == "unknown_model"}
    assert messages == {"model 'gone' is not served; served are slow"}


async def test_next_version_is_warmed_between_batches() -> None:
    old, new = Versioned("1"), Versioned("2", open=False)
    async with running(old, max_batch=2) as (batcher, published):
        warming = asyncio.create_task(batcher.warm(new))
        await until(lambda: new.batches == [1])
        batcher.put(frame("a"))
        await until(lambda: batcher.backlog.decoded)
        assert old.batches == []  # the engine is one network's at a time
        new.gate.set()
        await warming
        await published.count(1)
        assert (old.batches, new.batches) == ([1], [1, 2])


def test_models_are_put_into_the_order_of_preference_and_none_is_lost() -> None:
    models = ServedModels({name: Slow() for name in ("one", "two", "three")})
    models.prefer(["three", "not served", "one"])
    assert list(models) == ["three", "one", "two"]
