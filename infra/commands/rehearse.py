"""``sightstream rehearse``: a promotion and its rollback under load, tried on a stack of its own."""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from infra.commands.edge import Command, program
from infra.loadtest.promotion import RehearsalReport, rehearse_promotion
from models.picture_folder import counted, quoted
from streams.contract.outcomes import Outcome, counts_in_words


@click.command(cls=Command, example="sightstream rehearse cups --sessions 2")
@click.argument("bundle", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--model",
    default="efficientnet_lite0",
    help="The published network that is served first and after the rollback; BUNDLE is promoted under its name.",
)
@click.option("--sessions", default=4, type=click.IntRange(1), help="How many browsers send frames.")
@click.option(
    "--fps",
    default=10.0,
    type=click.FloatRange(0),
    help="Frames a second of each session; 0: as fast as the answers come.",
)
@click.option(
    "--seconds",
    default=10.0,
    type=click.FloatRange(2),
    help="How long to measure before, between and after the two changes, in seconds each.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def rehearse(bundle: Path, model: str, sessions: int, fps: float, seconds: float, as_json: bool) -> None:
    """Promote a model under load on a stack of its own, and roll it back.

    BUNDLE is a bundle folder, as `sightstream train` writes it. Your own registry is not changed. The exit status is
    1 if a frame is lost.
    """
    with Console(stderr=True).status("starting") as status:
        report = asyncio.run(
            rehearse_promotion(
                bundle, model, sessions=sessions, fps=fps or None, seconds=seconds, progress=status.update
            )
        )
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        show(report, Console())
    if report.lost:
        sys.exit(1)
    if not as_json:
        click.echo(f"To serve it with `sightstream up`: {program()} models add {quoted(bundle)}")


def show(report: RehearsalReport, console: Console) -> None:
    """Print the figures as a table and two lines."""
    table = Table("", "seconds", "answered", "p50 ms", "p99 ms", "p99 / before")
    for part, figures in report.parts.items():
        cells = figures["seconds"], figures["answered"], figures["p50"], figures["p99"]
        table.add_row(part, *map(str, cells), str(report.p99_over_before.get(part, "")))
    console.print(table)
    outcomes = {Outcome.ANSWERED: report.answered, **report.dropped, Outcome.EXPIRED: report.expired}
    console.print(f"sent {counted(report.sent, 'frame')}; {counts_in_words(outcomes)}")
    versions = ", ".join(f"{version}: {answers}" for version, answers in report.versions.items()) or "none"
    console.print(f"lost {counted(report.lost, 'frame')}; answers by version: {versions}")
