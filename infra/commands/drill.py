"""``sightstream drill``: every known fault, one after the other, on a running stack."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from infra.commands.edge import Command
from infra.loadtest.chaos import ONE_WORKER, TWO_WORKERS, FaultReport, run_cases
from infra.loadtest.stack_under_test import Progress
from streams.contract.outcomes import Outcome, counts_in_words


@click.command(cls=Command, example="sightstream drill --only broker")
@click.option("--model", default="efficientnet_lite0", help="The published network that is served meanwhile.")
@click.option("--only", default="", show_default="all faults", help="Only the faults with this text in their name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each fault instead of a table.")
def drill(model: str, only: str, as_json: bool) -> None:
    """Break a stack in every known way while browsers send frames, and measure how it recovers.

    For each fault: how many seconds the recovery takes, how many frames get no labels, and whether browsers, Kafka
    and statistics have counted the same frames. The command starts its own stacks. The exit status is 1 if counts
    differ or connections stay open.
    """
    names = [each.name for each in (*ONE_WORKER, *TWO_WORKERS)]
    if not any(only in each for each in names):
        raise click.BadParameter(f"no fault has {only!r} in its name; the faults are: {'; '.join(names)}")
    with Console(stderr=True).status("starting") as status:
        reports = asyncio.run(run_all(model, only, status.update))
    if as_json:
        for each in reports:
            click.echo(json.dumps(asdict(each)))
    else:
        Console(width=150).print(as_table(reports))
    for each in reports:
        for line in each.differences:
            click.echo(f"{each.fault}: the frame counts differ: {line}", err=True)
    if any(each.differences or each.sockets_left for each in reports):
        sys.exit(1)


async def run_all(model: str, only: str, progress: Progress) -> list[FaultReport]:
    """Try the faults with ``only`` in their name, on a stack with one worker, then on one with two."""
    reports = []
    for workers, cases in ((1, ONE_WORKER), (2, TWO_WORKERS)):
        if chosen := [each for each in cases if only in each.name]:
            reports += await run_cases(model, chosen, workers=workers, progress=progress)
    return reports


def as_table(reports: Sequence[FaultReport]) -> Table:
    """One row for each fault."""
    no_answer = Outcome.EXPIRED.words
    table = Table("fault", "sessions", "recovery s", "sent", "answered", "dropped", no_answer, "counts agree")
    for each in reports:
        dropped = counts_in_words(each.dropped)
        numbers = (each.sent, each.answered, dropped, each.expired, "no" if each.differences else "yes")
        table.add_row(each.fault, str(each.sessions), f"{each.recovery_s:.1f}", *map(str, numbers))
    return table
