"""How a scenario runs its clients and counts their answers."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.console import Console

from infra.client.client import Client
from infra.loadtest.sample_frames import endless_samples
from infra.loadtest.scenario import Scenario, answered, answered_per_second
from infra.local.stack import Stack
from streams.contract.settings import Settings


@dataclass(slots=True)
class FakeClient(Client):
    """A client that gets ten answers, one each millisecond; ``runs`` keeps the arguments of each run."""

    runs: list[tuple[float, float | None]] = field(default_factory=list)

    async def run_after(self, wait_s: float, seconds: float | None = None) -> None:  # type: ignore[override]
        self.runs.append((wait_s, seconds))
        for _ in range(10):
            await asyncio.sleep(0.001)
            self.counts.answer("cat", 1.0)


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    def ignore(_: str) -> None: ...

    settings = Settings(port=1234)
    stack = Stack(settings, tmp_path, brokers=0, workers=1, gateways=1, console=Console(), report_progress=ignore)
    return Scenario(stack, 30.0, ignore)


def clients(count: int, fps: float | None) -> list[FakeClient]:
    return [FakeClient("ws://nowhere", endless_samples, fps=fps) for _ in range(count)]


def test_clients_send_the_samples_to_the_stack_by_default(scenario: Scenario) -> None:
    first, second = scenario.clients(2, fps=4.0)
    assert first is not second
    assert (first.url, first.source, first.fps) == ("ws://127.0.0.1:1234/ws", endless_samples, 4.0)


async def test_clients_with_a_rate_start_one_after_the_other_within_a_period(scenario: Scenario) -> None:
    four = clients(4, fps=2.0)
    await scenario.run(four)
    assert [each.runs for each in four] == [[(0.0, 30.0)], [(0.125, 30.0)], [(0.25, 30.0)], [(0.375, 30.0)]]


@pytest.mark.parametrize(("fps", "spread"), [(None, True), (2.0, False)])
async def test_clients_start_together_without_a_rate_or_when_not_spread(
    scenario: Scenario, fps: float | None, spread: bool
) -> None:
    two = clients(2, fps)
    await scenario.run(two, 5.0, spread=spread)
    assert [each.runs for each in two] == [[(0.0, 5.0)]] * 2


async def test_answers_after_the_time_is_over_do_not_count_for_the_rate(scenario: Scenario) -> None:
    two = clients(2, fps=None)
    rate = await answered_per_second(scenario, two, 0.0)
    assert rate == 0.0
    assert answered(two) == 20  # the clients were awaited
