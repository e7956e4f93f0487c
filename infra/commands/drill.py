"""``sightstream drill``: every known fault, one after the other, on a stack started for it."""

import asyncio
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from infra.commands.bench import started
from infra.loadtest.chaos import ONE_WORKER, TWO_WORKERS, FaultCase, Outcome
from infra.local.ports import free_port
from streams.contract.settings import Settings


@click.command()
@click.option(
    "--model", default="efficientnet_lite0", show_default=True, help="The network that is served meanwhile."
)
@click.option("--only", default="", help="Only the faults whose name has these words in it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a fault.")
def drill(model: str, only: str, as_json: bool) -> None:
    """Break a stack in every known way while sessions stream; report recovery, lost frames and the books."""
    outcomes = asyncio.run(all_outcomes(model, only))
    if as_json:
        for each in outcomes:
            click.echo(json.dumps(asdict(each)))
    else:
        Console(width=150).print(as_table(outcomes))
    for each in outcomes:
        for line in each.differences:
            click.echo(f"{each.fault}: the books differ: {line}", err=True)
    if any(each.differences or each.sockets_left for each in outcomes):
        sys.exit(1)


async def all_outcomes(model: str, only: str) -> list[Outcome]:
    """Run the exercises that are asked for."""
    outcomes = []
    for workers, exercises in ((1, ONE_WORKER), (2, TWO_WORKERS)):
        if chosen := [each for each in exercises if only in each.name]:
            outcomes += await on_a_stack(model, workers, chosen)
    return outcomes


async def on_a_stack(model: str, workers: int, exercises: list[FaultCase]) -> list[Outcome]:
    """Run ``exercises`` one after the other on one stack."""
    settings = Settings.from_environ()
    settings = settings.replace(
        port=free_port(settings.host, 0), models=(model,), max_sockets_per_address=1000, ping_s=3.0
    )
    outcomes = []
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="sightstream-drill-") as folder, console.status("starting") as status:
        async with started(settings, Path(folder), workers=workers, say=status.update) as stack:
            for each in exercises:
                status.update(each.name)
                outcomes.append(await each.run(stack))
    return outcomes


def as_table(outcomes: list[Outcome]) -> Table:
    """What people read."""
    table = Table("fault", "sessions", "recovery s", "sent", "answered", "dropped", "expired", "books agree")
    for each in outcomes:
        dropped = ", ".join(f"{count} {reason}" for reason, count in sorted(each.dropped.items())) or "0"
        numbers = (each.sent, each.answered, dropped, each.expired, "no" if each.differences else "yes")
        table.add_row(each.fault, str(each.sessions), f"{each.recovery_s:.1f}", *map(str, numbers))
    return table
