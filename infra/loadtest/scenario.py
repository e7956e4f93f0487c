"""The common part of all measurements under load: a running stack, its clients, and the check of their counts."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infra.client.client import Client
from infra.loadtest.reconcile import lasting_differences
from infra.loadtest.sample_frames import endless_samples
from infra.loadtest.stack_under_test import Progress
from infra.local.stack import Stack

Report = dict[str, object]  # the figures of a scenario, ready for JSON


@dataclass(slots=True)
class Scenario:
    """A running stack, and how many seconds a measurement may take."""

    stack: Stack
    seconds: float
    progress: Progress

    def clients(self, count: int, **options: Any) -> list[Client]:
        """New clients that do not run yet. They send the sample pictures if ``options`` do not name a source."""
        return [Client(self.stack.websocket, **{"source": endless_samples, **options}) for _ in range(count)]

    async def run(self, clients: Sequence[Client], seconds: float | None = None, *, spread: bool = True) -> None:
        """Run ``clients`` at the same time, each for ``seconds`` (by default the scenario's).

        With ``spread``, clients that send at a fixed rate start one after the other within one period.
        """
        step = 1 / fps / len(clients) if spread and (fps := clients[0].fps) else 0.0
        runs = (each.run_after(number * step, seconds or self.seconds) for number, each in enumerate(clients))
        await asyncio.gather(*runs)

    async def differences(self, clients: Sequence[Client]) -> list[str]:
        """Where the topic and the table disagree with the clients' frame counts; empty when all agree."""
        return await lasting_differences(self.stack.settings, {each.session: each.counts for each in clients})


async def answered_per_second(scenario: Scenario, clients: Sequence[Client], seconds: float) -> float:
    """Run ``clients`` for ``seconds``; how many frames a second are answered meanwhile.

    Clients that send at a fixed rate send at the same moments: this costs the least CPU time where the clients and
    the stack share the cores.
    """
    running = asyncio.create_task(scenario.run(clients, seconds, spread=False))
    fps = await answers_per_second(clients, seconds)
    await running
    return fps


async def answers_per_second(clients: Sequence[Client], seconds: float) -> float:
    """How many frames a second running ``clients`` get answered within the next ``seconds``."""
    before, began = answered(clients), time.monotonic()
    await asyncio.sleep(seconds)
    return (answered(clients) - before) / (time.monotonic() - began)


def answered(clients: Sequence[Client]) -> int:
    """The answered frames of all ``clients`` so far."""
    return sum(each.counts.answered for each in clients)
