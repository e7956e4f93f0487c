"""Measures what a frame costs, and stacks of one to three workers, beside what the simulation says of them.

Each round asks the engine alone again, so that a machine whose speed drifts changes both figures alike. What other
processes take of the cores meanwhile is taken off in the simulation, too.
"""

import asyncio
import os
import platform
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
FEW = 2  # sessions: batches are then small, which shows what a batch costs besides its frames
PARTITIONS = 12
TOKEN = "operator of the measurement"  # noqa: S105 - of a stack on loopback, for as long as this runs


@dataclass
class StackFigures:
    """What was measured of one stack.

    In each round: ``fps``, the engine's CPU ms by batch size, and how many cores ``others`` used meanwhile. In all:
    CPU ms a frame of each part, and the mean size of a batch.
    """

    fps: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    engine_ms: dict[int, list[float]] = field(default_factory=lambda: {size: [] for size in SIZES})
    cpu_ms: dict[str, float] = field(default_factory=dict)
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
        part_s = seconds / ROUNDS
        few, *_ = found = [
            await measure_stack(settings, workers[0], engine, part_s, progress, FEW),
            *[await measure_stack(settings, number, engine, part_s, progress) for number in workers],
        ]
        del found[0]
    costs = costs_of(found[0], few, full)
    costs = replace(costs, speed_when_full=round(min(full, speed_of_run(costs, found[-1])), 3))
    reference = found[0].median_engine_ms()[max(SIZES)]
    runs = []
    for number, figures in zip(workers, found, strict=True):
        progress(f"simulating {number}")
        cores = psutil.cpu_count() or 1
        left = cores - min(statistics.median(figures.others), 0.9 * cores)
        now = costs.scaled(figures.median_engine_ms()[max(SIZES)] / reference * cores / left)
        deployment = Deployment(workers=number, sessions=SESSIONS, partitions=PARTITIONS, cores=cores)
        simulated = simulate(now, deployment, seconds=20).answered_per_s
        runs.append(Run(number, round(statistics.median(figures.fps), 1), round(simulated, 1)))
    return Measured(machine(), MODEL, datetime.now(UTC).date().isoformat(), costs, runs), found


async def speed_when_full(engines: Sequence[EngineOnly]) -> float:
    """The speed of a core beside another that is busy, as a part of its speed alone; at most 1."""
    ratios = []
    for _ in range(ROUNDS):
        alone = await engine_cpu_ms(engines[0], max(SIZES))
        together = await asyncio.gather(*(engine_cpu_ms(each, max(SIZES)) for each in engines))
        ratios.append(alone / statistics.fmean(together))
    return round(min(1.0, statistics.median(ratios)), 3)


async def engine_cpu_ms(engine: EngineOnly, size: int) -> float:
    """CPU milliseconds of the engine alone for a batch: with one thread, its time without what others take."""
    process = psutil.Process(engine.pid)
    before, began = sum(process.cpu_times()[:2]), time.monotonic()
    fps = await engine.frames_per_second(ENGINE_S, size)
    cpu, elapsed = sum(process.cpu_times()[:2]) - before, time.monotonic() - began
    return float(1000 * cpu * size / (fps * elapsed))


async def measure_stack(
    settings: Settings,
    workers: int,
    engine: EngineOnly,
    part_s: float,
    progress: Progress,
    sessions: int = SESSIONS,
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
                figures.engine_ms[size].append(await engine_cpu_ms(engine, size))
            progress(f"{workers} workers, round {number} of {ROUNDS}: the whole pipeline")
            clients = [Client(stack.websocket, endless_samples) for _ in range(sessions)]
            running = asyncio.gather(*(each.run(SETTLE_S + part_s) for each in clients))
            await asyncio.sleep(SETTLE_S)
            before, busy, began = cpu_s(stack), busy_s(), time.monotonic()
            fps = await answers_per_second(clients, part_s)
            elapsed, after, busy = time.monotonic() - began, cpu_s(stack), busy_s() - busy
            own = sum(after.values()) - sum(before.values())
            figures.others.append(max(0.0, (busy - own) / elapsed))
            sizes.update(await batch_sizes(stack))
            await running
            figures.fps.append(fps)
            frames += round(fps * elapsed)
            for name in after:
                figures.cpu_ms[name] = figures.cpu_ms.get(name, 0.0) + 1000 * (after[name] - before[name])
    for name in figures.cpu_ms:
        figures.cpu_ms[name] /= max(1, frames)
    figures.mean_batch = sum(size * number for size, number in sizes.items()) / max(1, sizes.total())
    return figures


def speed_of_run(costs: Costs, figures: StackFigures) -> float:
    """The speed of the cores in a run that kept all of them busy: the CPU time of a frame as it should be, over the
    one that it had. More threads than cores push each other's data out of the caches."""
    return sum(costs.frame_ms(figures.mean_batch).values()) / sum(figures.cpu_ms.values())


def costs_of(many: StackFigures, few: StackFigures, full: float) -> Costs:
    """The costs that a stack of one worker shows with many sessions and with few: large batches and small ones.

    Its CPU time is that of busy cores: without what they lose.
    """
    engine = Costs.of_engine(many.median_engine_ms(), worker=0, broker=0, gateway=0, client=0)

    def own_ms(part: str, figures: StackFigures) -> float:
        ms = figures.cpu_ms[part] * full
        return ms - (engine.batch / figures.mean_batch + engine.frame) if part == "worker" else ms

    own = {
        part: per_frame_and_batch(own_ms(part, many), many.mean_batch, own_ms(part, few), few.mean_batch)
        for part in ("worker", "broker", "gateway")
    }
    return Costs(
        batch=round(engine.batch, 3),
        frame=round(engine.frame, 3),
        client=round(many.cpu_ms["clients"] * full, 3),
        **{part: round(frame, 3) for part, (frame, _) in own.items()},
        **{f"{part}_batch": round(batch, 3) for part, (_, batch) in own.items()},
        speed_when_full=full,
    )


def per_frame_and_batch(ms: float, size: float, other_ms: float, other_size: float) -> tuple[float, float]:
    """What a frame and what a batch costs, if a frame costs ``ms`` in batches of ``size``, and so for the others."""
    apart = 1 / other_size - 1 / size
    batch = (other_ms - ms) / apart if abs(apart) > 0.1 else 0.0
    batch = max(0.0, min(batch, ms * size))
    return max(0.0, ms - batch / size), batch


async def all_workers(stack: Stack, workers: int, timeout_s: float = 60.0) -> None:
    """Wait until the gateway hears of so many workers, and they share the partitions."""
    async with asyncio.timeout(timeout_s), httpx.AsyncClient() as http:
        while len((await operations(http, stack))["workers"]) < workers:
            await asyncio.sleep(0.2)
        await asyncio.sleep(3)  # a rebalance ends


async def operations(http: httpx.AsyncClient, stack: Stack) -> dict[str, Any]:
    """What the operations view shows."""
    response = await http.get(f"{stack.url}/api/ops", headers={"Authorization": f"Bearer {TOKEN}"})
    response.raise_for_status()
    report: dict[str, Any] = response.json()
    return report


async def batch_sizes(stack: Stack) -> Counter[int]:
    """How many batches of each size the workers ran lately."""
    async with httpx.AsyncClient() as http:
        report = await operations(http, stack)
    sizes: Counter[int] = Counter()
    for worker in report["workers"]:
        sizes.update(dict(worker["batch_sizes"]))
    return sizes


async def run_clients(stack: Stack, seconds: float) -> None:
    """Load a stack."""
    await asyncio.gather(*(Client(stack.websocket, endless_samples).run(seconds) for _ in range(SESSIONS)))


def cpu_s(stack: Stack) -> dict[str, float]:
    """CPU seconds so far of all workers, brokers and gateways, and of this process, whose clients make the load."""
    found = {"clients": sum(psutil.Process().cpu_times()[:2])}
    for name in stack.pids:
        kind = name.partition("-")[0]
        found[kind] = found.get(kind, 0.0) + sum(process_of(stack, name).cpu_times()[:2])
    return found


def busy_s() -> float:
    """CPU seconds that all processes of this machine have used so far."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


def machine() -> str:
    """The processor, and how many cores of it there are."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    return f"{os.cpu_count()} cores, {name}"
