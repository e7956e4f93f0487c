"""A running stack to measure, and what every measurement does with it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from infra.client.client import Client
from infra.commands.bench import endless
from infra.loadtest import reconcile
from infra.local.stack import Stack


@dataclass(slots=True)
class Scenario:
    """A running stack and how many seconds a measurement may take."""

    stack: Stack
    seconds: float
    say: Callable[[str], None]

    def clients(self, count: int, **how: Any) -> list[Client]:
        """Clients that have yet to be run."""
        return [Client(self.stack.websocket, **{"source": endless, **how}) for _ in range(count)]

    async def run(self, clients: Sequence[Client], seconds: float | None = None, *, spread: bool = True) -> None:
        """Let ``clients`` send side by side, each for so many seconds.

        Those with a period begin within it one after the other, unless they are not to ``spread``.
        """
        step = 1 / fps / len(clients) if spread and (fps := clients[0].fps) else 0.0
        works = (each.run_after(number * step, seconds or self.seconds) for number, each in enumerate(clients))
        await asyncio.gather(*works)

    async def books(self, clients: Sequence[Client]) -> list[str]:
        """In what topic and table differ from the clients' accounts, once the table has caught up."""
        broker = ",".join(self.stack.settings.broker)
        mine = {each.session: each.counts for each in clients}
        for _ in range(10):
            await asyncio.sleep(1)
            found = reconcile.differences(
                mine, topic=await reconcile.fates(broker), table=await reconcile.tables(broker)
            )
            if not found:
                break
        return found


async def answered_per_second(trial: Scenario, clients: Sequence[Client], seconds: float) -> float:
    """How many frames a second are answered while ``clients`` send.

    Those with a period send in the same moments: on cores that load and stack share, the load then costs least.
    """
    running = asyncio.create_task(trial.run(clients, seconds, spread=False))
    began = time.monotonic()
    await asyncio.sleep(seconds)
    answered, elapsed = sum(each.counts.answered for each in clients), time.monotonic() - began
    await running
    return answered / elapsed
