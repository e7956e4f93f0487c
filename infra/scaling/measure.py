"""Measures what a frame costs, and stacks of one to three workers, beside what the simulation says of them.

Each round asks the engine alone again, so that a machine whose speed drifts changes both figures alike.
"""

import asyncio
import os
import platform
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil

from infra.client.client import Client
from infra.loadtest.engine_process import EngineOnly
from infra.loadtest.sample_frames import endless_samples
from infra.loadtest.scenario import answers_per_second
from infra.loadtest.stack_under_test import Progress, process_of, started
from infra.local.stack import Stack
from infra.scaling.costs import Costs, Measured, Run
from infra.scaling.simulation import Deployment, simulate
from streams.contract.settings import Settings

MODEL = "efficientnet_lite0"
SIZES = (1, 8)  # of batches
ROUNDS = 3
ENGINE_S = 2.0  # for each size of a batch, in each round
SETTLE_S = 4.0  # from the start of the clients until it counts
SESSIONS = 16
PARTITIONS = 12
TOKEN = "operator of the measurement"  # noqa: S105 - of a stack on loopback, for as long as this runs


@dataclass
class StackFigures:
    """What was measured of one stack: ``fps`` and the engine's ms by batch size in each round; CPU ms a frame of each
    part; and the mean size of a batch."""

    fps: list[float] = field(default_factory=list)
    engine_ms: dict[int, list[float]] = field(default_factory=lambda: {size: [] for size in SIZES})
    cpu_ms: Counter[str] = field(default_factory=Counter)
    mean_batch: float = 1.0

    def median_engine_ms(self) -> dict[int, float]:
        """The median of the rounds, by the size of a batch."""
        return {size: statistics.median(found) for size, found in self.engine_ms.items()}


async def measure(workers: Sequence[int], seconds: float, progress: Progress) -> tuple[Measured, list[StackFigures]]:
    """Measure stacks of so many workers with one thread each, each for ``seconds`` in all rounds together.

    Raises:
        EngineFailed: the engine does not run.
    """
    settings = Settings.from_environ().replace(
        models=(MODEL,), threads=1, partitions=PARTITIONS, operator_token=TOKEN, max_batch=max(SIZES)
    )
    async with EngineOnly(settings) as engine, EngineOnly(settings) as second:
        progress("two engines at once")
        full = await speed_when_full([engine, second])
        found = [await measure_stack(settings, number, engine, seconds / ROUNDS, progress) for number in workers]
    costs = costs_of(found[0], full)
    reference = found[0].median_engine_ms()[max(SIZES)]
    runs = []
    for number, figures in zip(workers, found, strict=True):
        progress(f"simulating {number}")
        now = costs.scaled(figures.median_engine_ms()[max(SIZES)] / reference)
        deployment = Deployment(
            workers=number, sessions=SESSIONS, partitions=PARTITIONS, cores=psutil.cpu_count() or 1
        )
        simulated = simulate(now, deployment, seconds=20).answered_per_s
        runs.append(Run(number, round(statistics.median(figures.fps), 1), round(simulated, 1)))
    return Measured(machine(), MODEL, datetime.now(UTC).date().isoformat(), costs, runs), found


async def speed_when_full(engines: Sequence[EngineOnly]) -> float:
    """The speed of an engine beside others, as a part of its speed alone; at most 1."""
    alone, beside = [], []
    for _ in range(ROUNDS):
        alone.append(await engines[0].frames_per_second(ENGINE_S, max(SIZES)))
        together = await asyncio.gather(*(each.frames_per_second(ENGINE_S, max(SIZES)) for each in engines))
        beside.append(statistics.fmean(together))
    return round(min(1.0, statistics.median(b / a for a, b in zip(alone, beside, strict=True))), 3)


async def measure_stack(
    settings: Settings, workers: int, engine: EngineOnly, part_s: float, progress: Progress
) -> StackFigures:
    """Measure one stack, alternately with the engine alone."""
    figures = StackFigures()
    sizes: Counter[int] = Counter()
    frames = 0
    async with started(settings, workers=workers, progress=progress) as stack:
        await all_workers(stack, workers)
        await run_clients(stack, SETTLE_S)  # the JVM compiles its code meanwhile
        for number in range(1, ROUNDS + 1):
            progress(f"{workers} workers, round {number} of {ROUNDS}: the engine alone")
            for size in SIZES:
                fps = await engine.frames_per_second(ENGINE_S, size)
                figures.engine_ms[size].append(1000 * size / fps)
            progress(f"{workers} workers, round {number} of {ROUNDS}: the whole pipeline")
            clients = [Client(stack.websocket, endless_samples) for _ in range(SESSIONS)]
            running = asyncio.gather(*(each.run(SETTLE_S + part_s) for each in clients))
            await asyncio.sleep(SETTLE_S)
            before, began = cpu_s(stack), time.monotonic()
            fps = await answers_per_second(clients, part_s)
            elapsed, after = time.monotonic() - began, cpu_s(stack)
            sizes.update(await batch_sizes(stack))
            await running
            figures.fps.append(fps)
            frames += round(fps * elapsed)
            for name in after:
                figures.cpu_ms[name] += 1000 * (after[name] - before[name])
    for name in figures.cpu_ms:
        figures.cpu_ms[name] /= max(1, frames)
    figures.mean_batch = sum(size * number for size, number in sizes.items()) / max(1, sizes.total())
    return figures


def costs_of(figures: StackFigures, full: float) -> Costs:
    """The costs that a stack of one worker shows. Its CPU time is that of busy cores: without what they lose."""
    cpu = {name: ms * full for name, ms in figures.cpu_ms.items()}
    engine = Costs.of_engine(figures.median_engine_ms(), worker=0, broker=0, gateway=0, client=0)
    size = max(1.0, figures.mean_batch)
    own = cpu["worker"] - (engine.batch / size + engine.frame)
    return Costs(
        batch=round(engine.batch, 3),
        frame=round(engine.frame, 3),
        worker=round(max(0.1, own), 3),
        broker=round(cpu["broker"], 3),
        gateway=round(cpu["gateway"], 3),
        client=round(cpu["clients"], 3),
        speed_when_full=full,
    )


async def all_workers(stack: Stack, workers: int, timeout_s: float = 60.0) -> None:
    """Wait until the gateway hears of so many workers, and they share the partitions."""
    async with asyncio.timeout(timeout_s), httpx.AsyncClient() as http:
        while len((await operations(http, stack))["workers"]) < workers:
            await asyncio.sleep(0.2)
        await asyncio.sleep(3)  # a rebalance ends


async def operations(http: httpx.AsyncClient, stack: Stack) -> dict[str, list[dict[str, list[list[int]]]]]:
    """What the operations view shows."""
    response = await http.get(f"{stack.url}/api/ops", headers={"Authorization": f"Bearer {TOKEN}"})
    response.raise_for_status()
    report: dict[str, list[dict[str, list[list[int]]]]] = response.json()
    return report


async def batch_sizes(stack: Stack) -> Counter[int]:
    """How many batches of each size the workers ran lately."""
    async with httpx.AsyncClient() as http:
        report = await operations(http, stack)
    sizes: Counter[int] = Counter()
    for worker in report["workers"]:
        sizes.update({size: number for size, number in worker["batch_sizes"]})
    return sizes


async def run_clients(stack: Stack, seconds: float) -> None:
    """Load a stack."""
    await asyncio.gather(*(Client(stack.websocket, endless_samples).run(seconds) for _ in range(SESSIONS)))


def cpu_s(stack: Stack) -> dict[str, float]:
    """CPU seconds so far of all workers, brokers and gateways, and of this process, whose clients make the load."""
    found: Counter[str] = Counter()
    for name in stack.pids:
        found[name.partition("-")[0]] += sum(process_of(stack, name).cpu_times()[:2])
    found["clients"] = sum(psutil.Process().cpu_times()[:2])
    return dict(found)


def machine() -> str:
    """The processor, and how many cores of it there are."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    return f"{os.cpu_count()} cores, {name}"
