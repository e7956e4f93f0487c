"""``python -m infra.scaling``: measure, compare with the simulation, and write what ``infra/scaling.md`` shows."""

import statistics

import click
import uvloop
from rich.console import Console
from rich.table import Column, Table

from infra.commands import edge
from infra.scaling.costs import Measured
from infra.scaling.measure import StackFigures, measure


@click.command()
@click.option("--seconds", default=24.0, type=click.FloatRange(6), help="For each stack, all rounds together.")
@click.option("--workers", default=3, type=click.IntRange(1), help="The most workers of a stack.")
@click.option("--write", is_flag=True, help="Keep the figures in infra/scaling/costs.json.")
def main(seconds: float, workers: int, write: bool) -> None:
    """Measure stacks of one worker and more, with one thread each, beside the engine alone and the simulation."""
    with Console(stderr=True).status("starting") as status:
        measured, figures = uvloop.run(measure(range(1, workers + 1), seconds, status.update))
    show(measured, figures, Console())
    if write:
        measured.write()


def show(measured: Measured, figures: list[StackFigures], console: Console) -> None:
    """Print the runs as a table, and the costs."""
    table = Table(
        *(
            Column(name, justify="right")
            for name in ("workers", "measured", "", "simulated", "off", "batch", "others")
        )
    )
    table.title = f"{measured.model}, answers a second, {measured.machine}"
    for run, found in zip(measured.runs, figures, strict=True):
        table.add_row(
            str(run.workers),
            f"{run.measured:.1f}",
            f"{min(found.fps):.1f} to {max(found.fps):.1f}",
            f"{run.simulated:.1f}",
            f"{run.simulated / run.measured - 1:+.0%}",
            f"{found.mean_batch:.1f}",
            f"{statistics.median(found.others):.2f} cores",
        )
    console.print(table)
    for run, found in zip(measured.runs, figures, strict=True):
        cpu = ", ".join(f"{name} {ms:.2f}" for name, ms in found.cpu_ms.items())
        engine = ", ".join(f"{ms:.1f} for {size}" for size, ms in found.median_engine_ms().items())
        console.print(f"{run.workers} workers: CPU ms a frame: {cpu}; engine alone, ms: {engine}")
    console.print(measured.costs)


if __name__ == "__main__":
    edge.run(main)
