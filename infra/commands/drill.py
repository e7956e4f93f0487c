"""``sightstream drill``: every known fault, one after the other, on a running stack."""

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from infra.commands.edge import Command
from infra.commands.up import number_of_brokers
from infra.loadtest.faults.case import FaultCase
from infra.loadtest.faults.cases import CLUSTER_FAULTS, ONE_WORKER, TWO_WORKERS, Size, run_cases
from infra.loadtest.faults.report import FaultReport
from infra.loadtest.stack_under_test import Progress
from infra.local.kafka.server import CLUSTER
from streams.contract.outcomes import Outcome, counts_in_words

Plan = Sequence[tuple[Size, Sequence[FaultCase]]]  # the faults that are tried on a stack of each size


@click.command(cls=Command, example="sightstream drill --brokers 3 --only broker")
@click.option("--model", default="efficientnet_lite0", help="The published network that is served meanwhile.")
@click.option(
    "--brokers",
    type=click.IntRange(1),
    callback=number_of_brokers,
    default=1,
    help=f"How many nodes Kafka has. With {CLUSTER}, the faults of a cluster are tried instead.",
)
@click.option("--workers", type=click.IntRange(2), show_default="2 on a cluster", help="Workers of a cluster.")
@click.option("--gateways", type=click.IntRange(2), show_default="2 on a cluster", help="Gateways of a cluster.")
@click.option("--only", default="", show_default="all faults", help="Only the faults with this text in their name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each fault instead of a table.")
def drill(model: str, brokers: int, workers: int | None, gateways: int | None, only: str, as_json: bool) -> None:
    """Break a stack in every known way while browsers send frames, and measure how it recovers.

    The table shows for each fault: the longest time in which one session, and in which all sessions, got no label;
    how many frames got no label; how many answers came twice to a browser, and to the topic; and whether browsers,
    Kafka and statistics counted the same frames. The command starts its own stacks.

    The exit status is 1 if a promise is broken: counts differ, a browser gets an answer twice, connections stay open,
    or a cluster is silent for too long.
    """
    plan = plan_of(brokers, workers, gateways)
    names = [each.name for _, cases in plan for each in cases]
    if not any(only in each for each in names):
        raise click.BadParameter(f"no fault has {only!r} in its name; the faults are: {'; '.join(names)}")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # that brokers are away is meant
    with Console(stderr=True).status("starting") as status:
        reports = asyncio.run(run_all(model, plan, only, status.update))
    if as_json:
        for each in reports:
            click.echo(json.dumps(asdict(each)))
    else:
        Console(width=150).print(as_table(reports))
    problems = [line for each in reports for line in each.problems()]
    for line in problems:
        click.echo(line, err=True)
    if problems:
        sys.exit(1)


def plan_of(brokers: int, workers: int | None, gateways: int | None) -> Plan:
    """The faults to try on stacks of these sizes.

    Raises:
        UsageError: no fault can be tried on so many processes.
    """
    if brokers == 1:
        if workers or gateways:
            raise click.UsageError(
                f"--workers and --gateways are those of a cluster: add --brokers {CLUSTER}, or leave them out"
            )
        return ((Size(), ONE_WORKER), (Size(workers=2), TWO_WORKERS))
    return ((Size(brokers, workers or 2, gateways or 2), CLUSTER_FAULTS),)


async def run_all(model: str, plan: Plan, only: str, progress: Progress) -> list[FaultReport]:
    """Try the faults with ``only`` in their name, those of each size on a stack of their own."""
    reports = []
    for size, cases in plan:
        if chosen := [each for each in cases if only in each.name]:
            reports += await run_cases(model, chosen, size, progress=progress)
    return reports


def as_table(reports: Sequence[FaultReport]) -> Table:
    """One row for each fault, with the names of all on one line."""
    table = Table()
    table.add_column("fault", no_wrap=True)
    times, frames = (
        ("served\nagain", "silence", "of all"),
        ("sent", Outcome.ANSWERED.words, "lost", "twice", "in\ntopic"),
    )
    for title in ("sessions", *times, *frames, "counts\nagree"):
        table.add_column(title)
    for each in reports:
        recovery = "never" if each.recovery_s is None else f"{each.recovery_s:.1f} s"
        lost = counts_in_words({**each.dropped, Outcome.EXPIRED: each.expired})
        silence = f"{each.silence_s:.1f} s", f"{each.all_silent_s:.1f} s"
        numbers = each.sent, each.answered, lost, each.answered_twice, each.twice_in_topic
        agree = "no" if each.differences else "yes"
        table.add_row(each.fault, str(each.sessions), recovery, *silence, *map(str, numbers), agree)
    return table
