"""``sightstream bench``: what the pipeline reaches of what its engine could, measured side by side."""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import click
import psutil
import uvloop
from rich.console import Console
from rich.table import Column, Table

from infra.client.client import Client
from infra.client.frame_counts import FrameCounts, latency, total
from infra.client.media_source import MediaFrame, video_frame
from infra.local.ports import free_port
from infra.local.stack import Stack
from models.engines.registry import ENGINES
from streams.contract.outcomes import Hop
from streams.contract.settings import Settings
from web import SAMPLES
from web.messages import Labels

ROUNDS = 5
LAST_ANSWER_S = 0.5


@click.command()
@click.option("--model", default="", help="The network to measure.  [default: the worker's own]")
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Weights of the model.")
@click.option("--engine", type=click.Choice(ENGINES), help="What runs it.  [default: openvino]")
@click.option(
    "--seconds", default=60.0, show_default=True, type=click.FloatRange(5), help="For all measurements together."
)
@click.option("--sessions", default=8, show_default=True, type=click.IntRange(1), help="That saturate the pipeline.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON on the last line, too.")
def bench(model: str, weights: Path | None, engine: str | None, seconds: float, sessions: int, as_json: bool) -> None:
    """Measure the engine alone and the whole pipeline in turn, then one session at 10 frames a second by hop."""
    settings = Settings.from_environ()
    settings = settings.replace(
        port=free_port(settings.host, 0),
        models=(model,) if model else settings.models[:1],
        weights=str(weights.resolve()) if weights else settings.weights,
        engine=engine or settings.engine,
    )
    report = uvloop.run(measure(settings, seconds, sessions))
    show(report, Console())
    if as_json:
        click.echo(json.dumps(report))


async def measure(settings: Settings, seconds: float, sessions: int) -> dict[str, Any]:
    """All measurements of one network, on a stack started for them."""
    part = seconds / (2 * ROUNDS + 3)  # the single session gets three parts, two of them itself
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="sightstream-bench-") as folder, console.status("starting") as status:
        async with started(settings, Path(folder), say=status.update) as stack, EngineOnly(stack.settings) as limit:
            pipeline = Pipeline(stack)
            await pipeline.saturate(sessions, part / 2)  # warm up: the JVM's compiler above all
            engine_fps = []
            for number in range(1, ROUNDS + 1):
                status.update(f"round {number} of {ROUNDS}: the engine alone")
                engine_fps.append(await limit.ask(f"fps {part} {settings.max_batch}"))
                status.update(f"round {number} of {ROUNDS}: the whole pipeline")
                await pipeline.saturate(sessions, part, count=True)
            status.update("one session at 10 frames a second")
            batch_one = []
            async with Single(stack.websocket) as single:
                for _ in range(ROUNDS):  # in turn here, too
                    batch_one.append(await limit.ask(f"ms {part / ROUNDS}"))
                    await single.run(2 * part / ROUNDS)
            return {
                "model": settings.models[0],
                "precision": limit.precision,
                "engine_fps": spread(engine_fps),
                "pipeline_fps": spread(pipeline.fps),
                "pipeline_over_engine": round(
                    statistics.median(p / e for p, e in zip(pipeline.fps, engine_fps, strict=True)), 3
                ),
                "single_session": {"engine_batch1_ms": round(statistics.median(batch_one), 2), **single.report()},
                "cpu_ms_per_frame": pipeline.cpu_ms_per_frame(),
                "rss_mb": {name: round(each.memory_info().rss / 2**20) for name, each in pipeline.processes.items()},
            }


@asynccontextmanager
async def started(
    settings: Settings, folder: Path, *, workers: int = 1, say: Callable[[str], None]
) -> AsyncIterator[Stack]:
    """A stack of its own with a local broker and a registry in ``folder``, ready; stopped at the end."""
    console = Console(stderr=True)
    settings = settings.replace(registry=folder / "models")  # what is live elsewhere is not what is measured
    stack = Stack(settings, folder, local_broker=True, workers=workers, console=console, report_progress=say)
    ready = asyncio.Event()
    running = asyncio.create_task(stack.run(lambda _: ready.set()))
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        yield stack
    finally:
        waiting.cancel()
        running.cancel()
        await asyncio.gather(running, waiting, return_exceptions=True)


class EngineOnly:
    """The engine alone, as a child process that measures when asked."""

    precision = ""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    async def __aenter__(self) -> "EngineOnly":
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "infra.loadtest.engine_only",
            env={**os.environ, **self.settings.to_environ()},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self.precision = await self._line()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    async def ask(self, command: str) -> float:
        """The figure that ``command`` gives."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n".encode())
        return float(await self._line())

    async def _line(self) -> str:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise click.ClickException("the engine alone does not start; what it said is above")
        return line.decode().strip()


@dataclass
class Pipeline:
    """A running stack under load, and the processor time of its parts meanwhile."""

    stack: Stack
    fps: list[float] = field(default_factory=list)
    _frames: int = 0
    _cpu_s: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pids = self.stack.pids
        names = {
            "worker": pids["worker-1"],
            "broker": pids["broker"],
            "gateway": pids["gateway"],
            "clients": os.getpid(),
        }
        self.processes = {name: psutil.Process(pid) for name, pid in names.items()}

    async def saturate(self, sessions: int, seconds: float, *, count: bool = False) -> FrameCounts:
        """Let ``sessions`` send as fast as their credits let them."""
        clients = [Client(self.stack.websocket, endless) for _ in range(sessions)]
        before, began = self._cpu(), time.monotonic()
        running = asyncio.gather(*(client.run(seconds) for client in clients))
        await asyncio.sleep(seconds)
        # what was answered within the time counts, not what came while the last answers were awaited
        answered, elapsed, after = (
            sum(each.counts.answered for each in clients),
            time.monotonic() - began,
            self._cpu(),
        )
        await running
        if count:
            self.fps.append(answered / elapsed)
            self._frames += answered
            for name in after:
                self._cpu_s[name] = self._cpu_s.get(name, 0.0) + after[name] - before[name]
        return total([each.counts for each in clients])

    def cpu_ms_per_frame(self) -> dict[str, float]:
        """Processor milliseconds that each part took for a frame under saturation."""
        return {name: round(1000 * seconds / max(1, self._frames), 2) for name, seconds in self._cpu_s.items()}

    def _cpu(self) -> dict[str, float]:
        return {name: sum(each.cpu_times()[:2]) for name, each in self.processes.items()}


class Single:
    """A session that sends ten frames a second now and then: its round trips, and where the time goes."""

    def __init__(self, url: str) -> None:
        self._hops: dict[str, list[float]] = {}
        self._flow = asyncio.Event()
        self._client = Client(url, self._shots, fps=10.0, on_answer=self._note)

    async def __aenter__(self) -> "Single":
        self._running = asyncio.create_task(self._client.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._client.finish()
        await self._running

    async def run(self, seconds: float) -> None:
        """Let the session send for a while; the last answer is there when this returns."""
        self._flow.set()
        await asyncio.sleep(seconds)
        self._flow.clear()
        await asyncio.sleep(LAST_ANSWER_S)

    def report(self) -> dict[str, Any]:
        """Percentiles of the round trip and the median of each hop, in milliseconds."""
        percentiles = latency(self._client.counts.round_trips)
        return {
            **{f"{name}_ms": percentiles[name] for name in ("p50", "p95", "p99")},
            "hops_ms": {hop: round(statistics.median(ms), 2) for hop in Hop if (ms := self._hops.get(hop))},
        }

    async def _shots(self, size: int) -> AsyncIterator[MediaFrame]:
        async for shot in endless(size):
            await self._flow.wait()
            yield shot

    def _note(self, _: MediaFrame, message: Labels, round_trip_ms: float) -> None:
        times = message.times
        for start, end in zip(times, list(times)[1:], strict=False):
            self._hops.setdefault(end, []).append(times[end] - times[start])
        self._hops.setdefault(Hop.DELIVERED, []).append(time.time() * 1000 - times[Hop.PUBLISHED])


async def endless(size: int) -> AsyncIterator[MediaFrame]:
    """The sample pictures in turn, for ever."""
    while True:
        for shot in samples(size):
            yield shot


@cache
def samples(size: int) -> list[MediaFrame]:
    """The sample pictures as frames of this size, made once: hundreds of clients send them."""
    return [MediaFrame(path, video_frame(path, size)) for path in sorted(SAMPLES.glob("*.jpg"))]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and range."""
    return {
        "median": round(statistics.median(values), 1),
        "min": round(min(values), 1),
        "max": round(max(values), 1),
    }


def show(report: dict[str, Any], console: Console) -> None:
    """The figures as tables for people."""
    table = Table(title=f"{report['model']} ({report['precision']})")
    for column in ("frames/s", "median", "min", "max"):
        table.add_column(column, justify="left" if column == "frames/s" else "right")
    for name in ("engine_fps", "pipeline_fps"):
        numbers = report[name]
        table.add_row(name.removesuffix("_fps"), *(f"{numbers[key]:.1f}" for key in ("median", "min", "max")))
    console.print(table)
    console.print(f"pipeline / engine: {report['pipeline_over_engine']:.3f} (median of the rounds' ratios)")
    single = report["single_session"]
    hops = Table("one session at 10 frames/s", Column("ms", justify="right"))
    for name, key in (("p50", "p50_ms"), ("p95", "p95_ms"), ("p99", "p99_ms"), ("engine alone", "engine_batch1_ms")):
        hops.add_row(name, f"{single[key]:.1f}", end_section=name == "engine alone")
    for hop, ms in single["hops_ms"].items():
        hops.add_row(f"until {hop}, median", f"{ms:.2f}")
    console.print(hops)
    parts = Table(title="each part")
    for column in ("", *report["cpu_ms_per_frame"]):
        parts.add_column(column, justify="right")
    parts.add_row("CPU ms/frame", *(f"{ms:.2f}" for ms in report["cpu_ms_per_frame"].values()))
    parts.add_row("resident MB", *(str(report["rss_mb"][name]) for name in report["cpu_ms_per_frame"]))
    console.print(parts)
