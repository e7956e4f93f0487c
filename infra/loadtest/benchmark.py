"""Measures the whole pipeline and its engine alone, alternately on the same machine."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from infra.client.client import Client
from infra.client.frame_counts import latency
from infra.client.media_source import MediaFrame, PresentView
from infra.loadtest.engine_process import EngineOnly
from infra.loadtest.sample_frames import endless_samples
from infra.loadtest.stack_under_test import Progress, processes_of, started
from infra.local.stack import Stack
from streams.contract.outcomes import Hop
from streams.contract.settings import Settings
from web.messages import Labels

ROUNDS = 5
SINGLE_FPS = 10.0
LAST_ANSWER_S = 0.5


@dataclass(frozen=True, slots=True)
class Spread:
    """Some figures in short."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of one value or more."""
        return cls(round(statistics.median(values), 1), round(min(values), 1), round(max(values), 1))


@dataclass(frozen=True, slots=True)
class SingleSessionReport:
    """The round trips of one session, the median of each hop, and that of the engine alone, in milliseconds."""

    engine_batch1_ms: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    hops_ms: dict[Hop, float]


@dataclass(frozen=True, slots=True)
class BenchmarkReport:
    """The result of ``measure``; the field names are the keys of ``sightstream bench --json``."""

    model: str
    precision: str
    engine_fps: Spread
    pipeline_fps: Spread
    pipeline_over_engine: float  # the median of the rounds' ratios
    single_session: SingleSessionReport
    cpu_ms_per_frame: dict[str, float]
    rss_mb: dict[str, int]


async def measure(settings: Settings, seconds: float, sessions: int, progress: Progress) -> BenchmarkReport:
    """Measure one network on a stack of its own, with ``sessions`` sessions that saturate it.

    Raises:
        EngineFailed: the engine does not run.
    """
    part = seconds / (2 * ROUNDS + 3)  # three parts are for the single session and the engine beside it
    async with started(settings, progress=progress) as stack, EngineOnly(stack.settings) as engine:
        pipeline = SaturatedPipeline(stack, sessions)
        await pipeline.warm_up(part / 2)
        engine_fps = []
        for number in range(1, ROUNDS + 1):
            progress(f"round {number} of {ROUNDS}: the engine alone")
            engine_fps.append(await engine.frames_per_second(part, settings.max_batch))
            progress(f"round {number} of {ROUNDS}: the whole pipeline")
            await pipeline.measure(part)
        progress(f"one session at {SINGLE_FPS:.0f} frames a second")
        batch_one_ms = []
        async with SingleSession(stack.websocket) as single:
            for _ in range(ROUNDS):
                batch_one_ms.append(await engine.batch_one_ms(part / ROUNDS))
                await single.send_for(2 * part / ROUNDS)
        ratios = [fps / reference for fps, reference in zip(pipeline.fps, engine_fps, strict=True)]
        return BenchmarkReport(
            model=settings.models[0],
            precision=engine.precision,
            engine_fps=Spread.of(engine_fps),
            pipeline_fps=Spread.of(pipeline.fps),
            pipeline_over_engine=round(statistics.median(ratios), 3),
            single_session=single.report(statistics.median(batch_one_ms)),
            cpu_ms_per_frame=cpu_ms_per_frame(pipeline.cpu_s, pipeline.frames),
            rss_mb={name: round(each.memory_info().rss / 2**20) for name, each in pipeline.processes.items()},
        )


class SaturatedPipeline:
    """A stack whose clients send as fast as their credits allow.

    It keeps for the measured rounds together: ``fps`` of each, ``frames`` answered, and ``cpu_s``, the CPU seconds
    by process.
    """

    def __init__(self, stack: Stack, sessions: int) -> None:
        self.websocket = stack.websocket
        self.sessions = sessions
        self.processes = processes_of(stack)
        self.fps: list[float] = []
        self.frames = 0
        self.cpu_s = dict.fromkeys(self.processes, 0.0)

    async def warm_up(self, seconds: float) -> None:
        """Send without measuring: the JVM compiles its code meanwhile."""
        await asyncio.gather(*(each.run(seconds) for each in self._clients()))

    async def measure(self, seconds: float) -> None:
        """Send, and add one round to the figures."""
        clients = self._clients()
        cpu_before, began = self._cpu_s(), time.monotonic()
        running = asyncio.gather(*(each.run(seconds) for each in clients))
        await asyncio.sleep(seconds)
        # answers that come after this moment, while the clients wait for their last ones, do not count
        frames = sum(each.counts.answered for each in clients)
        elapsed, cpu_after = time.monotonic() - began, self._cpu_s()
        await running
        self.fps.append(frames / elapsed)
        self.frames += frames
        for name in self.cpu_s:
            self.cpu_s[name] += cpu_after[name] - cpu_before[name]

    def _clients(self) -> list[Client]:
        return [Client(self.websocket, endless_samples) for _ in range(self.sessions)]

    def _cpu_s(self) -> dict[str, float]:
        """CPU seconds of each process since its start, in user and system mode."""
        return {name: sum(each.cpu_times()[:2]) for name, each in self.processes.items()}


class SingleSession:
    """A session that sends ten frames a second, but only inside ``send_for``."""

    def __init__(self, url: str) -> None:
        self._hops: dict[Hop, list[float]] = {}
        self._sending = asyncio.Event()
        self._client = Client(url, self._shots, fps=SINGLE_FPS, on_answer=self._note)

    async def __aenter__(self) -> "SingleSession":
        self._running = asyncio.create_task(self._client.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._client.finish()
        await self._running

    async def send_for(self, seconds: float) -> None:
        """Send for ``seconds``, then wait for the last answer."""
        self._sending.set()
        await asyncio.sleep(seconds)
        self._sending.clear()
        await asyncio.sleep(LAST_ANSWER_S)

    def report(self, engine_ms: float) -> SingleSessionReport:
        """The session's latencies beside ``engine_ms`` of the engine alone."""
        trips = latency(self._client.counts.round_trips)
        hops = {hop: round(statistics.median(ms), 2) for hop in Hop if (ms := self._hops.get(hop))}
        return SingleSessionReport(round(engine_ms, 2), trips["p50"], trips["p95"], trips["p99"], hops)

    async def _shots(self, view: PresentView) -> AsyncIterator[MediaFrame]:
        async for frame in endless_samples(view):
            await self._sending.wait()
            yield frame

    def _note(self, _: MediaFrame, message: Labels, round_trip_ms: float) -> None:
        times = message.times
        for start, end in pairwise(times):
            self._hops.setdefault(Hop(end), []).append(times[end] - times[start])
        self._hops.setdefault(Hop.DELIVERED, []).append(time.time() * 1000 - times[Hop.PUBLISHED])


def cpu_ms_per_frame(cpu_s: Mapping[str, float], frames: int) -> dict[str, float]:
    """The CPU milliseconds of each process for one answered frame."""
    return {name: round(1000 * seconds / max(1, frames), 2) for name, seconds in cpu_s.items()}
