"""``sightstream load``: how the stack behaves under an overload, a flood, many sockets and a long run."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import click
import uvloop
from rich.console import Console

from infra.commands.bench import EXISTING_WEIGHTS
from infra.commands.edge import Command
from infra.loadtest.endurance import soak, sockets
from infra.loadtest.flood import flood
from infra.loadtest.overload import overload
from infra.loadtest.scenario import Report, Scenario
from infra.loadtest.session_statistics import statistics_are_exact, statistics_cost
from infra.loadtest.stack_under_test import Progress, settings_under_test, started
from streams.contract.settings import Settings


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement, and how many seconds it takes if the user does not say."""

    run: Callable[[Scenario], Awaitable[Report]]
    seconds: float


SCENARIOS = {
    "overload": Measurement(overload, 30.0),
    "flood": Measurement(flood, 100.0),
    "sockets": Measurement(sockets, 40.0),
    "soak": Measurement(soak, 600.0),
    "statistics": Measurement(statistics_are_exact, 300.0),
    "cost": Measurement(statistics_cost, 200.0),
}


@click.command(cls=Command, example="sightstream load overload flood --seconds 30")
@click.argument("scenarios", metavar="[SCENARIO]...", nargs=-1, type=click.Choice(list(SCENARIOS)))
@click.option(
    "--model",
    default="",
    show_default="the first of SIGHTSTREAM_MODELS",
    help="The model that is served meanwhile: a published network or a bundle folder.",
)
@EXISTING_WEIGHTS
@click.option(
    "--seconds",
    type=click.FloatRange(5),
    show_default=", ".join(f"{name} {each.seconds:.0f}" for name, each in SCENARIOS.items()),
    help="How long each scenario takes, in seconds.",
)
def load(scenarios: tuple[str, ...], model: str, weights: Path | None, seconds: float | None) -> None:
    """Measure a stack under load: an overload, a flood, a thousand sockets, a long run.

    Each SCENARIO, by default all of them, starts a stack of its own and prints one JSON object:

    \b
    overload    ten times as many frames as the stack can answer
    flood       one session sends far too much, others send little
    sockets     a thousand sessions at once
    soak        full load for ten minutes: does memory grow?
    statistics  are a session's statistics exact, also when its worker is killed?
    cost        the throughput with statistics and without
    """
    settings = settings_under_test(model, weights)
    settings = settings.replace(max_sockets_per_address=settings.max_sockets)
    for name in scenarios or SCENARIOS:
        with Console(stderr=True).status("starting") as status:
            report = uvloop.run(measure(name, settings, seconds, status.update))
        click.echo(json.dumps({"trial": name, "model": settings.models[0], **report}))


async def measure(name: str, settings: Settings, seconds: float | None, progress: Progress) -> Report:
    """The figures of one scenario, on a stack of its own."""
    measurement = SCENARIOS[name]
    async with started(settings, progress=progress) as stack:
        progress(name)
        return await measurement.run(
            Scenario(stack, seconds or measurement.seconds, lambda line: progress(f"{name}: {line}"))
        )
