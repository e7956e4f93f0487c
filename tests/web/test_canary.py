"""Readiness: true only while canary frames come back with labels."""

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

PATIENCE_S = 3.0 + 2.0 + EVERY_S  # a canary may take a little longer than a frame; then the next one is sent


class FakePipeline:
    """A hub with a worker that answers, drops or ignores every frame, and a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.outcome: Outcome | None = Outcome.ANSWERED  # of every frame; None: the worker ignores it
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
    pipeline = FakePipeline()
    assert not pipeline.canary.ready
    await pipeline.canary.send_one()
    assert pipeline.canary.ready
    assert pipeline.canary.last is not None
    assert (pipeline.canary.last.model, pipeline.canary.last.version) == ("net", "1")


async def test_a_gateway_is_no_longer_ready_when_its_canary_does_not_come_back() -> None:
    pipeline = FakePipeline()
    await pipeline.canary.send_one()
    pipeline.outcome = None
    lost = asyncio.create_task(pipeline.canary.send_one())
    await asyncio.sleep(0)
    pipeline.now += PATIENCE_S - 0.1
    assert pipeline.canary.ready
    pipeline.now += 0.2
    assert not pipeline.canary.ready
    lost.cancel()


async def test_a_gateway_whose_canaries_are_all_dropped_is_not_ready() -> None:
    pipeline = FakePipeline()
    await pipeline.canary.send_one()
    pipeline.outcome = Outcome.STALE
    for _ in range(4):
        pipeline.now += EVERY_S
        await pipeline.canary.send_one()
    assert not pipeline.canary.ready


async def test_a_gateway_is_ready_again_when_its_canary_is_back() -> None:
    pipeline = FakePipeline()
    await pipeline.canary.send_one()
    pipeline.now += 3600.0
    assert not pipeline.canary.ready
    await pipeline.canary.send_one()
    assert pipeline.canary.ready


def test_readyz_is_503_from_when_the_canary_stops_until_it_is_back() -> None:
    with TestClient(create_app(Settings(), InstantBroker, EmptyStatsReader)) as client:
        app: Any = client.app
        canary: Canary = app.state.gateway.canary
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
            names.add(app.state.gateway.canary.session)
    assert len(names) == 2


async def test_where_a_session_may_send_very_little_so_may_a_canary() -> None:
    pipeline = FakePipeline()
    pipeline.hub.settings = Settings(max_fps=1)
    pipeline.outcome = Outcome.STALE
    for _ in range(20):
        await pipeline.canary.send_one()
    assert not pipeline.canary.ready
    pipeline.outcome = Outcome.ANSWERED
    pipeline.now += 60.0
    await pipeline.canary.send_one()
    assert pipeline.canary.ready


async def test_a_canary_lies_in_a_partition_of_the_gateway_also_after_these_have_changed() -> None:
    pipeline = FakePipeline()
    partitions = pipeline.hub.partitions
    sessions = set()
    for own in ({0}, {1, 2}, {3}, {0}):
        partitions.set_own(own)
        pipeline.now += EVERY_S
        await pipeline.canary.send_one()
        assert pipeline.canary.last is not None
        assert pipeline.canary.last.at == pipeline.now
        assert partitions.of(pipeline.canary.session) in own
        sessions.add(pipeline.canary.session)
    assert len(sessions) == 3
    assert len(pipeline.hub.outboxes) == 1
    assert pipeline.canary.name == "here"
