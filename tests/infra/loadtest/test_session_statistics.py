"""How sessions send in rotation, and the figures that the statistics scenarios calculate from their samples."""

import asyncio
from collections import Counter

import pytest

from infra.client.frame_counts import FrameCounts
from infra.loadtest.session_statistics import (
    IN_FLIGHT,
    SessionRotation,
    comparable,
    cost_report,
    relative_error,
)
from models.networks import View
from streams.contract.outcomes import Outcome


class Rotating:
    """Sessions whose frames stay in flight; ``sent`` lists which session sent each."""

    def __init__(self, rotation: SessionRotation, count: int) -> None:
        self.sent: list[int] = []
        self._rotation = rotation
        self._tasks = [asyncio.create_task(self._send(number)) for number in range(count)]

    async def _send(self, number: int) -> None:
        async for _ in self._rotation.frames(lambda: View(16, crop=1.0)):
            self.sent.append(number)

    async def __aenter__(self) -> "Rotating":
        return self

    async def __aexit__(self, *_: object) -> None:
        for each in self._tasks:
            each.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def settle(self) -> list[int]:
        for _ in range(200):
            await asyncio.sleep(0)
        return self.sent


async def test_only_so_many_frames_are_in_flight_and_the_next_session_follows_a_frame_that_is_done() -> None:
    rotation = SessionRotation()
    async with Rotating(rotation, IN_FLIGHT + 2) as sessions:
        assert await sessions.settle() == []
        async with rotation.sending():
            assert await sessions.settle() == list(range(IN_FLIGHT))
            rotation.frame_done()
            rotation.frame_done()
            assert (await sessions.settle())[IN_FLIGHT:] == [IN_FLIGHT, IN_FLIGHT + 1]
            rotation.frame_done()
            assert (await sessions.settle())[-1] == 0  # the first session sends again


async def test_nothing_is_sent_once_the_block_is_left() -> None:
    rotation = SessionRotation()
    async with Rotating(rotation, IN_FLIGHT + 1) as sessions:
        async with rotation.sending():
            await sessions.settle()
        rotation.frame_done("shot", {}, 1.0)
        assert len(await sessions.settle()) == IN_FLIGHT


def test_counts_are_named_as_the_gateway_names_them() -> None:
    counts = FrameCounts(5, 2, 1, Counter({Outcome.STALE: 2}), Counter(cat=2), [10.0, 20.0])
    assert comparable(counts) == {
        "sent": 5,
        "answered": 2,
        "dropped": {Outcome.STALE: 2},
        "expired": 1,
        "labels": {"cat": 2},
    }


@pytest.mark.parametrize(
    ("value", "exact", "expected"), [(102.0, 100.0, 0.02), (99.0, 100.0, 0.01), (1.0, None, 0.0)]
)
def test_error_is_relative_to_the_exact_value(value: float, exact: float | None, expected: float) -> None:
    assert relative_error(value, exact) == expected


def test_cost_is_the_median_of_the_rounds_ratios_beside_the_ratio_of_the_sums() -> None:
    report = cost_report([90.0, 100.0, 110.0], [100.0, 100.0, 100.0])
    assert report["with_over_without"] == 1.0
    assert report["all_with_over_all_without"] == 1.0
    assert report["ratios"] == [0.9, 1.0, 1.1]
