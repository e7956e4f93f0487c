"""``sightstream bench``: the speed of the whole pipeline beside that of its engine alone."""

import json
from dataclasses import asdict
from pathlib import Path

import click
import uvloop
from rich.console import Console
from rich.table import Column, Table

from infra.commands.classify import ENGINE
from infra.commands.edge import Command
from infra.loadtest.benchmark import BenchmarkReport, measure
from infra.loadtest.stack_under_test import settings_under_test

EXISTING_WEIGHTS = click.option(
    "--weights",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    show_default="the published weights",
    help="A file of Keras weights for the model, if it is inception_v3.",
)


@click.command(cls=Command, example="sightstream bench --model efficientnet_lite0 --seconds 39")
@click.option(
    "--model",
    default="",
    show_default="the first of SIGHTSTREAM_MODELS",
    help="The model to measure: a published network or a bundle folder.",
)
@EXISTING_WEIGHTS
@ENGINE
@click.option(
    "--seconds", default=60.0, type=click.FloatRange(5), help="How long all measurements take together, in seconds."
)
@click.option(
    "--sessions",
    default=8,
    type=click.IntRange(1),
    help="How many browsers at once keep the pipeline busy while its speed is measured.",
)
@click.option("--json", "as_json", is_flag=True, help="Also print the figures as JSON, on the last line.")
def bench(model: str, weights: Path | None, engine: str | None, seconds: float, sessions: int, as_json: bool) -> None:
    """Compare the speed of the pipeline (browser, Kafka, worker) with that of its engine, the network alone.

    Both are measured in turn, in frames a second. Then one session sends 10 frames a second, and the time of each
    step until its labels is measured. The command starts its own stack, and stops it at the end.
    """
    settings = settings_under_test(model, weights, engine)
    with Console(stderr=True).status("starting") as status:
        report = uvloop.run(measure(settings, seconds, sessions, status.update))
    show(report, Console())
    if as_json:
        click.echo(json.dumps(asdict(report)))


def show(report: BenchmarkReport, console: Console) -> None:
    """Print the figures as tables."""
    speeds = Table("frames/s", *(Column(name, justify="right") for name in ("median", "min", "max")))
    speeds.title = f"{report.model} ({report.precision})"
    for name, fps in (("engine", report.engine_fps), ("pipeline", report.pipeline_fps)):
        speeds.add_row(name, f"{fps.median:.1f}", f"{fps.min:.1f}", f"{fps.max:.1f}")
    console.print(speeds)
    console.print(f"pipeline / engine: {report.pipeline_over_engine:.3f} (median of the rounds' ratios)")
    single = report.single_session
    latencies = Table("one session at 10 frames/s", Column("ms", justify="right"))
    for name, ms in (("p50", single.p50_ms), ("p95", single.p95_ms), ("p99", single.p99_ms)):
        latencies.add_row(name, "-" if ms is None else f"{ms:.1f}")
    latencies.add_row("engine alone", f"{single.engine_batch1_ms:.1f}", end_section=True)
    for hop, ms in single.hops_ms.items():
        latencies.add_row(f"{hop.words}, median", f"{ms:.2f}")
    console.print(latencies)
    processes = Table(*(Column(name, justify="right") for name in ("", *report.cpu_ms_per_frame)), title="each part")
    processes.add_row("CPU ms/frame", *(f"{ms:.2f}" for ms in report.cpu_ms_per_frame.values()))
    processes.add_row("memory, MB", *(str(report.rss_mb[name]) for name in report.cpu_ms_per_frame))
    console.print(processes)
