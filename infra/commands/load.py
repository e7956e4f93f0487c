"""``sightstream load``: what the stack promises under load, measured: overload, a flood, many sockets, a long run.

What statistics promise is measured here too: that they are exact, near enough, and cheap.
"""

import asyncio
import json
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click
import uvloop
from rich.console import Console

from infra.client.frame_counts import total
from infra.commands.bench import Pipeline, started
from infra.loadtest import session_statistics
from infra.loadtest.flood import flood
from infra.loadtest.overload import SESSIONS, overload
from infra.loadtest.scenario import Scenario
from infra.local.ports import free_port
from streams.contract.settings import Settings

SOCKETS = 1000
SOCKET_FPS = 0.2
SETTLED_AFTER = 0.2  # of a long run: from then on memory may not grow


async def sockets(trial: Scenario) -> dict[str, Any]:
    """A thousand sessions that each send a frame every five seconds."""
    gateway = Pipeline(trial.stack).processes["gateway"]
    before = gateway.memory_info().rss
    clients = trial.clients(SOCKETS, fps=SOCKET_FPS)
    running = asyncio.create_task(trial.run(clients))
    await asyncio.sleep(trial.seconds * 0.9)
    after = gateway.memory_info().rss
    await running
    account = total([each.counts for each in clients])
    return {
        "sockets": len(clients),
        "reconnects": sum(each.connects - 1 for each in clients),
        **account.report(),
        "gateway_kb_per_socket": round((after - before) / 1024 / len(clients), 1),
    }


async def soak(trial: Scenario) -> dict[str, Any]:
    """Full load for long: resident memory at a fifth of the time, two minutes of ten, and at the end."""
    processes = Pipeline(trial.stack).processes
    clients = trial.clients(SESSIONS)
    running = asyncio.create_task(trial.run(clients))
    await asyncio.sleep(trial.seconds * SETTLED_AFTER)
    early = {name: each.memory_info().rss for name, each in processes.items()}
    await asyncio.sleep(trial.seconds * (1 - SETTLED_AFTER) - 1)
    late = {name: each.memory_info().rss for name, each in processes.items()}
    await running
    names = ("worker", "gateway")
    return {
        "seconds": trial.seconds,
        "rss_mb": {name: [round(early[name] / 2**20, 1), round(late[name] / 2**20, 1)] for name in names},
        "growth": {name: round(late[name] / early[name] - 1, 4) for name in names},
        **total([each.counts for each in clients]).report(),
        "books": await trial.books(clients),
    }


TRIALS: dict[str, tuple[Callable[[Scenario], Coroutine[Any, Any, dict[str, Any]]], float]] = {
    "overload": (overload, 30.0),
    "flood": (flood, 100.0),
    "sockets": (sockets, 40.0),
    "soak": (soak, 600.0),
    "statistics": (session_statistics.statistics_are_exact, 300.0),
    "cost": (session_statistics.statistics_cost, 200.0),
}


@click.command()
@click.argument("trials", nargs=-1, type=click.Choice(list(TRIALS)))
@click.option("--model", default="", help="The network that is served meanwhile.  [default: the worker's own]")
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Weights of the model.")
@click.option("--seconds", type=click.FloatRange(5), help="For each measurement.  [default: what each needs]")
def load(trials: tuple[str, ...], model: str, weights: Path | None, seconds: float | None) -> None:
    """Measure TRIALS (all, if none is named), each on a stack started for it; prints one JSON object for each."""
    settings = Settings.from_environ()
    settings = settings.replace(
        port=free_port(settings.host, 0),
        models=(model,) if model else settings.models[:1],
        weights=str(weights.resolve()) if weights else settings.weights,
        max_sockets_per_address=settings.max_sockets,
    )
    for name in trials or TRIALS:
        click.echo(
            json.dumps({"trial": name, "model": settings.models[0], **uvloop.run(measure(name, settings, seconds))})
        )


async def measure(name: str, settings: Settings, seconds: float | None) -> dict[str, Any]:
    """The figures of one trial, on a stack started for it."""
    trial, usual = TRIALS[name]
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="sightstream-load-") as folder, console.status("starting") as status:
        async with started(settings, Path(folder), say=status.update) as stack:
            status.update(name)
            return await trial(Scenario(stack, seconds or usual, lambda what: status.update(f"{name}: {what}")))
