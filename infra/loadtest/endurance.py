"""Many sockets at once, and full load for a long time: does memory grow, do the frame counts agree?"""

import asyncio

from infra.client.frame_counts import total
from infra.loadtest.overload import SESSIONS
from infra.loadtest.scenario import Report, Scenario
from infra.loadtest.stack_under_test import process_of, processes_of

SOCKETS = 1000
SOCKET_FPS = 0.2
SETTLED_AFTER = 0.2  # of a long run; after that, memory must not grow


async def sockets(scenario: Scenario) -> Report:
    """A thousand sessions that each send a frame every five seconds."""
    gateway = process_of(scenario.stack, "gateway-1")
    before = gateway.memory_info().rss
    clients = scenario.clients(SOCKETS, fps=SOCKET_FPS)
    running = asyncio.create_task(scenario.run(clients))
    await asyncio.sleep(scenario.seconds * 0.9)
    after = gateway.memory_info().rss
    await running
    counts = total([each.counts for each in clients])
    return {
        "sockets": len(clients),
        "reconnects": sum(each.connects - 1 for each in clients),
        **counts.report(),
        "gateway_kb_per_socket": round((after - before) / 1024 / len(clients), 1),
    }


async def soak(scenario: Scenario) -> Report:
    """Full load for long: resident memory after a fifth of the time (two minutes of ten), and at the end."""
    processes = {name: each for name, each in processes_of(scenario.stack).items() if name in ("worker", "gateway")}
    clients = scenario.clients(SESSIONS)
    running = asyncio.create_task(scenario.run(clients))
    await asyncio.sleep(scenario.seconds * SETTLED_AFTER)
    early = {name: each.memory_info().rss for name, each in processes.items()}
    await asyncio.sleep(scenario.seconds * (1 - SETTLED_AFTER) - 1)
    late = {name: each.memory_info().rss for name, each in processes.items()}
    await running
    return {
        "seconds": scenario.seconds,
        "rss_mb": {name: [round(early[name] / 2**20, 1), round(late[name] / 2**20, 1)] for name in early},
        "growth": {name: round(late[name] / early[name] - 1, 4) for name in early},
        **total([each.counts for each in clients]).report(),
        "books": await scenario.differences(clients),
    }
