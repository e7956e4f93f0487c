"""How batches are handed to the engine's threads, and come back."""

import asyncio
import threading
from collections.abc import AsyncIterator

import numpy as np
import pytest
from numpy.typing import NDArray

from models.classifier import Label
from models.engines.base import OnRoom, nobody
from streams.contract.messages import Frame
from streams.dispatch import Dispatcher, InFlightBatch, Result
from streams.scheduling import WaitingFrame
from tests.fakes.classifiers import Slow, until

PICTURE = np.full((16, 16, 3), 100, np.uint8)


class Recorded:
    """A dispatcher, the batches that it has given back, and its clock in milliseconds."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.done: list[list[str]] = []
        self.errors: list[BaseException | None] = []
        self.rooms = 0
        self.dispatcher = Dispatcher(self._on_done, self._on_room, lambda: self.now)

    def _on_done(self, batch: InFlightBatch, result: Result) -> None:
        self.done.append([each.frame.session for each in batch.frames])
        self.errors.append(result.exception())

    def _on_room(self) -> None:
        self.rooms += 1

    def start(self, classifier: Slow, *sessions: str, picture: NDArray[np.uint8] = PICTURE) -> Result:
        frames = [WaitingFrame(Frame(session=session, seq=1)) for session in sessions]
        return self.dispatcher.start(classifier, frames, [picture] * len(frames))


@pytest.fixture
async def recorded() -> AsyncIterator[Recorded]:
    one = Recorded()
    yield one
    one.dispatcher.shutdown()


async def test_a_batch_is_classified_in_a_thread_and_given_back_on_the_loop(recorded: Recorded) -> None:
    labels = await recorded.start(Slow(), "a", "b")
    await until(lambda: recorded.done)
    assert [each[0].label for each in labels] == ["10", "10"]
    assert recorded.done == [["a", "b"]]


async def test_there_is_no_room_beside_a_batch_until_its_engine_says_so(recorded: Recorded) -> None:
    class Roomy(Slow):
        def classify(
            self, batch: NDArray[np.uint8], *, on_room: OnRoom = nobody, one_core: bool = False
        ) -> list[list[Label]]:
            assert allowed.wait(10)
            on_room()
            return super().classify(batch)

    allowed, roomy = threading.Event(), Roomy(open=False)
    first = recorded.start(roomy, "a")
    assert not recorded.dispatcher.has_room
    allowed.set()
    await until(lambda: recorded.dispatcher.has_room)
    second = recorded.start(roomy, "b")
    assert (recorded.dispatcher.running, recorded.dispatcher.has_room) == (2, False)
    roomy.gate.set()
    await asyncio.gather(first, second)
    await until(lambda: recorded.dispatcher.running == 0)
    assert recorded.done == [["a"], ["b"]]


async def test_a_batch_that_fails_is_given_back_with_its_error(recorded: Recorded) -> None:
    result = recorded.start(Slow(), "black", picture=np.zeros((16, 16, 3), np.uint8))
    with pytest.raises(RuntimeError, match="black pictures"):
        await result
    await until(lambda: recorded.done)
    assert recorded.done == [["black"]]
    assert isinstance(recorded.errors[0], RuntimeError)


async def test_the_pace_is_the_time_of_a_frame_smoothed_over_batches(recorded: Recorded) -> None:
    slow = Slow(open=False)
    assert recorded.dispatcher.ms_per_frame(slow) == 0.0
    for took, expected in ((80.0, 40.0), (160.0, 45.0)):  # two frames each: 40, then 40 + (80 - 40) / 8
        slow.gate.clear()
        result = recorded.start(slow, "a", "b")
        recorded.now += took
        slow.gate.set()
        await result
        await until(lambda: recorded.dispatcher.running == 0)
        assert recorded.dispatcher.ms_per_frame(slow) == expected


async def test_a_clock_that_is_set_back_gives_no_negative_pace(recorded: Recorded) -> None:
    slow = Slow(open=False)
    result = recorded.start(slow, "a")
    recorded.now -= 3_600_000
    slow.gate.set()
    await result
    await until(lambda: recorded.dispatcher.running == 0)
    assert recorded.dispatcher.ms_per_frame(slow) == 0.0


async def test_no_batch_starts_while_a_classifier_is_warmed_up(recorded: Recorded) -> None:
    slow = Slow(open=False)
    warming = asyncio.create_task(recorded.dispatcher.warm(slow, 2))
    await until(lambda: slow.batches)
    assert not recorded.dispatcher.has_room
    slow.gate.set()
    await warming
    assert (slow.batches, recorded.dispatcher.has_room) == ([1, 2], True)


async def test_a_classifier_is_in_use_while_a_batch_of_it_runs(recorded: Recorded) -> None:
    slow, other = Slow(open=False), Slow()
    result = recorded.start(slow, "a")
    assert recorded.dispatcher.uses(slow)
    assert not recorded.dispatcher.uses(other)
    slow.gate.set()
    await result
    await until(lambda: not recorded.dispatcher.uses(slow))
