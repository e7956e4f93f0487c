"""``sightstream load``: what the stack promises under load, measured: overload, a flood, many sockets, a long run.

What statistics promise is measured here too: that they are exact, near enough, and cheap.
"""

import asyncio
import json
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import uvloop
from rich.console import Console

from infra import accuracy
from infra.bench import Pipeline, started
from infra.client import Client
from infra.overload import SESSIONS, over, overload
from infra.tally import Tally, latency, total
from infra.trial import Trial
from infra.up import free_port
from streams.settings import Settings

QUIET = 15
QUIET_FPS = 2.0
SOCKETS = 1000
SOCKET_FPS = 0.2
SETTLED_AFTER = 0.2  # of a long run: from then on memory may not grow


async def flood(trial: Trial) -> dict[str, Any]:
    """Quiet sessions alone, then beside one that sends as fast as it may and heeds no credits; five times."""
    alone: list[Tally] = []
    beside: list[Tally] = []
    flooder: list[Client] = []
    await trial.run(trial.clients(QUIET, fps=QUIET_FPS), 5)
    for number in range(1, 6):
        trial.say(f"round {number} of 5")
        quiet = trial.clients(QUIET, fps=QUIET_FPS)
        await trial.run(quiet, trial.seconds / 5)
        alone.append(total([each.tally for each in quiet]))
        quiet = trial.clients(QUIET, fps=QUIET_FPS)
        flooding = trial.clients(1, fps=trial.stack.settings.max_fps * 0.95, heeds_credits=False)
        await trial.run([*quiet, *flooding], trial.seconds / 5)
        beside.append(total([each.tally for each in quiet]))
        flooder += flooding
    account = total([each.tally for each in flooder])
    return {
        "quiet_alone_ms": latency(total(alone).round_trips),
        "quiet_beside_flood_ms": latency(total(beside).round_trips),
        "p99_ratio": over(p99s(beside), p99s(alone)),
        "flood": {"sent": account.sent, "answered": account.answered, "dropped": dict(account.dropped)},
    }


def p99s(rounds: Sequence[Tally]) -> list[float]:
    """Each round's 99th percentile of the round trips, in milliseconds."""
    found = [latency(each.round_trips)["p99"] for each in rounds]
    assert all(found), "a round without an answer has no latency"
    return [ms for ms in found if ms]


async def sockets(trial: Trial) -> dict[str, Any]:
    """A thousand sessions that each send a frame every five seconds."""
    gateway = Pipeline(trial.stack).processes["gateway"]
    before = gateway.memory_info().rss
    clients = trial.clients(SOCKETS, fps=SOCKET_FPS)
    running = asyncio.create_task(trial.run(clients))
    await asyncio.sleep(trial.seconds * 0.9)
    after = gateway.memory_info().rss
    await running
    account = total([each.tally for each in clients])
    return {
        "sockets": len(clients),
        "reconnects": sum(each.connects - 1 for each in clients),
        **account.report(),
        "gateway_kb_per_socket": round((after - before) / 1024 / len(clients), 1),
    }


async def soak(trial: Trial) -> dict[str, Any]:
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
        **total([each.tally for each in clients]).report(),
        "books": await trial.books(clients),
    }


TRIALS: dict[str, tuple[Callable[[Trial], Coroutine[Any, Any, dict[str, Any]]], float]] = {
    "overload": (overload, 30.0),
    "flood": (flood, 50.0),
    "sockets": (sockets, 40.0),
    "soak": (soak, 600.0),
    "statistics": (accuracy.statistics_are_exact, 300.0),
    "cost": (accuracy.statistics_cost, 200.0),
}


@click.command()
@click.argument("trials", nargs=-1, type=click.Choice(list(TRIALS)))
@click.option("--model", default="", help="The network that is served meanwhile.  [default: the worker's own]")
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Weights of the model.")
@click.option("--seconds", type=click.FloatRange(5), help="For each measurement.  [default: what each needs]")
def load(trials: tuple[str, ...], model: str, weights: Path | None, seconds: float | None) -> None:
    """Measure TRIALS (all, if none is named), each on a stack started for it; prints one JSON object for each."""
    settings = Settings.from_environ()
    settings = replace(
        settings,
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
            return await trial(Trial(stack, seconds or usual, lambda what: status.update(f"{name}: {what}")))
