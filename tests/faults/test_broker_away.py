"""A broker that is away, as the command `python -m tests.faults.broker_away` tries it, but for shorter."""

import asyncio
import signal
from pathlib import Path

import pytest

from infra.local.ports import free_port
from streams.contract.settings import Settings
from tests.faults.broker_away import ByHand, Meter, Round, hand_started, worker_command

pytestmark = pytest.mark.broker

AWAY_S = 12.0
# seconds after another worker's start; one that has joined the group and dies is missed only after its session, 6 s
MOMENTS = {signal.SIGTERM: 3.0, signal.SIGKILL: 4.5, signal.SIGSTOP: 0.5}


async def try_all(folder: Path) -> list[Round]:
    async with hand_started(folder) as stack:
        return [await stack.round(number, after_s, AWAY_S, 2.0) for number, after_s in MOMENTS.items()]


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> list[Round]:
    return asyncio.run(try_all(tmp_path_factory.mktemp("away")))


@pytest.mark.parametrize("place", range(len(MOMENTS)), ids=[each.name for each in MOMENTS])
def test_a_broker_that_is_away_costs_next_to_nothing_and_sessions_are_served_soon_after_it(
    rounds: list[Round], place: int
) -> None:
    report = rounds[place]
    assert report.worker_core < 0.05
    assert report.gateway_core < 0.05
    assert report.worker_lines < 30
    assert report.gateway_lines < 30
    assert report.serving_s < 10


@pytest.mark.parametrize("place", range(len(MOMENTS)), ids=[each.name for each in MOMENTS])
def test_sigterm_ends_worker_and_gateway_while_the_broker_is_away(rounds: list[Round], place: int) -> None:
    report = rounds[place]
    assert report.exit_s < 5
    assert report.exit_code in {0, -signal.SIGTERM}  # the latter before it has loaded its model
    assert report.gateway_exit_s < 5


async def test_a_worker_and_a_gateway_that_start_without_a_broker_wait_for_it_with_one_line(tmp_path: Path) -> None:
    settings = Settings.from_environ().replace(
        models=("efficientnet_lite0",),
        registry=tmp_path / "models",
        port=free_port("127.0.0.1", 0),
        broker=(f"127.0.0.1:{free_port('127.0.0.1', 0)}",),
    )
    worker = ByHand("worker", worker_command(tmp_path / "data"), settings, tmp_path)
    gateway = ByHand("gateway", ["infra.commands", "gateway"], settings, tmp_path)
    try:
        async with asyncio.timeout(120):
            while not all("does not answer" in each.log.read_text() for each in (worker, gateway)):
                await asyncio.sleep(0.1)
        meters = [Meter(worker), Meter(gateway)]
        await asyncio.sleep(6)
        for meter in meters:
            core, lines = meter.read()
            assert core < 0.05
            assert lines <= 1
        for each in (worker, gateway):
            assert await each.terminate() < 5
            assert each.log.read_text().count("does not answer") == 1
        assert worker.process.returncode == 0
    finally:
        worker.kill()
        gateway.kill()
