"""A session's statistics under load: are they exact, are their percentiles close, and what do they cost?"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx

from infra.client.client import Client
from infra.client.frame_counts import FrameCounts, latency
from infra.client.media_source import MediaFrame, PresentView
from infra.loadtest.sample_frames import endless_samples
from infra.loadtest.scenario import Report, Scenario, answers_per_second
from infra.loadtest.stack_under_test import process_of, started
from infra.local.stack import Stack

FRAMES = 2000
SESSIONS = 500
ROUNDS = 20
IN_FLIGHT = 16  # frames of all sessions together: two batches
SETTLE_S = 1.0
CATCH_UP_S = 15.0


async def statistics_are_exact(scenario: Scenario) -> Report:
    """A session of 2,000 answers whose worker is killed halfway: its statistics and the client's own counts.

    ``error`` is the relative error of each percentile against the client's round trips.
    """
    client = Client(scenario.stack.websocket, endless_samples)
    killed = False

    def note(*_: object) -> None:
        nonlocal killed
        if client.counts.answered >= FRAMES // 2 and not killed:
            killed = True
            process_of(scenario.stack, "worker-1").kill()
        if client.counts.answered >= FRAMES:
            client.finish()

    client.on_answer = note
    counts = await client.run(scenario.seconds)
    reported = await reported_statistics(scenario.stack, client.session, counts.sent)
    exact = latency(counts.round_trips)
    expected = comparable(counts)
    return {
        **counts.outcomes(),
        "counts_equal": {name: reported.get(name) for name in expected} == expected,
        "exact_ms": exact,
        "told_ms": reported["latency_ms"],
        "error": {name: relative_error(reported["latency_ms"][name], exact[name]) for name in ("p50", "p95", "p99")},
        "books": await scenario.differences([client]),
    }


async def reported_statistics(stack: Stack, session: str, sent: int) -> dict[str, Any]:
    """The gateway's statistics of ``session`` once they hold ``sent`` frames, or as they are after 15 seconds."""
    reported: dict[str, Any] = {}
    end = time.monotonic() + CATCH_UP_S
    async with httpx.AsyncClient(trust_env=False) as http:
        while time.monotonic() < end and reported.get("sent", -1) < sent:
            await asyncio.sleep(0.2)
            answer = await http.get(f"{stack.url}/api/sessions/{session}/stats")
            reported = answer.json() if answer.status_code == 200 else {}
    return reported


def comparable(counts: FrameCounts) -> Report:
    """The client's counts under the names that the gateway's statistics have."""
    return {**counts.outcomes(), "labels": dict(counts.labels)}


def relative_error(value: float, exact: float | None) -> float:
    """By how much ``value`` differs from ``exact``, as a part of ``exact``."""
    return round(abs(value / (exact or 1) - 1), 4)


class SessionRotation:
    """Lets many sessions send one after the other, with as many frames in flight as keep the engine busy."""

    def __init__(self) -> None:
        self._permits = asyncio.Semaphore(0)
        self._sending = False

    async def frames(self, view: PresentView) -> AsyncIterator[MediaFrame]:
        """A client's source: each frame waits for a permit, and the session that waits longest gets the next one."""
        async for frame in endless_samples(view):
            await self._permits.acquire()
            yield frame

    def frame_done(self, *_: object) -> None:
        """To be called when a frame is answered or dropped: the next session may send."""
        if self._sending:
            self._permits.release()

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """The sessions send while the block runs."""
        self._sending = True
        for _ in range(IN_FLIGHT):
            self._permits.release()
        yield
        self._sending = False


async def statistics_cost(scenario: Scenario) -> Report:
    """The throughput with 500 sessions, alternately with and without statistics, on two stacks side by side.

    All sessions stay connected. They send in rotation, so that nearly every answer updates another session's
    statistics: this is where statistics cost most.
    """
    off = scenario.stack.settings.replace(statistics="off")
    async with started(off, progress=scenario.progress) as without:
        scenarios = {"on": scenario, "off": replace(scenario, stack=without)}
        for each in scenarios.values():
            await each.run(each.clients(8), 5)
        rotations = {kind: SessionRotation() for kind in scenarios}
        clients = {
            kind: each.clients(
                SESSIONS, source=rotation.frames, on_answer=rotation.frame_done, on_drop=rotation.frame_done
            )
            for (kind, each), rotation in zip(scenarios.items(), rotations.values(), strict=True)
        }
        everyone = clients["on"] + clients["off"]
        running = [asyncio.create_task(client.run()) for client in everyone]
        scenario.progress(f"connecting {len(everyone)} sessions")
        while not all(client.served for client in everyone):
            for task in filter(asyncio.Task.done, running):
                task.result()  # raises why the client was refused
            await asyncio.sleep(0.1)
        fps: dict[str, list[float]] = {"on": [], "off": []}
        for number in range(ROUNDS):
            for kind in sorted(scenarios, reverse=bool(number % 2)):
                scenario.progress(f"round {number + 1} of {ROUNDS}: {SESSIONS} sessions, statistics {kind}")
                async with rotations[kind].sending():
                    await asyncio.sleep(SETTLE_S)
                    fps[kind].append(await answers_per_second(clients[kind], scenario.seconds / (2 * ROUNDS)))
                await asyncio.sleep(SETTLE_S)
        for client in everyone:
            client.finish()
        await asyncio.gather(*running)
    return cost_report(fps["on"], fps["off"])


def cost_report(fps_on: list[float], fps_off: list[float]) -> Report:
    """Answered frames a second with statistics and without, round by round, in short."""
    ratios = [on / off for on, off in zip(fps_on, fps_off, strict=True)]
    return {
        "sessions": SESSIONS,
        "fps_with": round(statistics.median(fps_on), 1),
        "fps_without": round(statistics.median(fps_off), 1),
        "with_over_without": round(statistics.median(ratios), 3),
        "all_with_over_all_without": round(sum(fps_on) / sum(fps_off), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
    }
