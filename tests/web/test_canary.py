"""Readiness: true only while a canary's picture comes back with a label."""

import asyncio
import time
from typing import Any

from starlette.testclient import TestClient

from streams.contract.messages import Frame, Prediction, ServedModel, WorkerStatus
from streams.contract.outcomes import Outcome
from streams.contract.settings import Settings
from tests.fakes.gateway import EmptyStatsReader, InstantBroker, answer, until_readyz_returns
from web.app import create_app
from web.canary import EVERY_S, Canary
from web.hub import Hub

PATIENCE_S = 3.0 + 2.0 + EVERY_S  # a canary may take as long as a frame and a little more, and then comes the next


class World:
    """A hub with a worker that answers, says why it does not, or is silent; its clock goes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.outcome: Outcome | None = Outcome.ANSWERED  # of every frame; None: nobody answers
        self.hub = Hub(Settings(expire_s=3.0), self.post, now_ms=lambda: self.now * 1000)
        self.hub.note_worker(WorkerStatus(worker="w", at=self.now * 1000, models=[ServedModel("net", "1", 224)]))
        self.canary = Canary(self.hub, "here", lambda: self.now)

    def post(self, message: Frame | Prediction) -> None:
        if isinstance(message, Frame):
            if self.outcome is None:
                return
            message = answer(message)
            message.outcome = self.outcome
        asyncio.get_running_loop().call_soon(self.hub.settle, message)


async def test_a_gateway_is_ready_once_its_canary_came_back_and_not_before() -> None:
    world = World()
    assert not world.canary.ready
    await world.canary.send_one()
    assert world.canary.ready
    assert world.canary.last is not None
    assert (world.canary.last.model, world.canary.last.version) == ("net", "1")


async def test_a_gateway_is_no_longer_ready_when_its_canary_does_not_come_back() -> None:
    world = World()
    await world.canary.send_one()
    world.outcome = None
    lost = asyncio.create_task(world.canary.send_one())
    await asyncio.sleep(0)
    world.now += PATIENCE_S - 0.1
    assert world.canary.ready
    world.now += 0.2
    assert not world.canary.ready
    lost.cancel()


async def test_a_gateway_whose_canaries_are_all_dropped_is_not_ready() -> None:
    world = World()
    await world.canary.send_one()
    world.outcome = Outcome.STALE
    for _ in range(4):
        world.now += EVERY_S
        await world.canary.send_one()
    assert not world.canary.ready


async def test_a_gateway_is_ready_again_when_its_canary_is_back() -> None:
    world = World()
    await world.canary.send_one()
    world.now += 3600.0
    assert not world.canary.ready
    await world.canary.send_one()
    assert world.canary.ready


def test_readyz_is_503_from_when_the_canary_stops_until_it_is_back() -> None:
    with TestClient(create_app(Settings(), InstantBroker, EmptyStatsReader)) as client:
        app: Any = client.app
        canary: Canary = app.state.canary
        ahead = 0.0
        canary.clock = lambda: time.monotonic() + ahead

        until_readyz_returns(200, client)
        ahead = PATIENCE_S + 1
        response = client.get("/readyz")
        assert response.status_code == 503
        assert response.json()["ready"] is False
        until_readyz_returns(200, client)


def test_a_gateway_that_restarts_has_a_canary_of_another_name() -> None:
    names = set()
    for _ in range(2):
        with TestClient(create_app(Settings(), InstantBroker, EmptyStatsReader)) as client:
            app: Any = client.app
            names.add(app.state.canary.session)
    assert len(names) == 2


async def test_where_a_session_may_send_very_little_so_may_a_canary() -> None:
    world = World()
    world.hub.settings = Settings(max_fps=1)
    world.outcome = Outcome.STALE
    for _ in range(20):
        await world.canary.send_one()
    assert not world.canary.ready
    world.outcome = Outcome.ANSWERED
    world.now += 60.0
    await world.canary.send_one()
    assert world.canary.ready
