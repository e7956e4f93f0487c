"""What a session's statistics promise, measured: they are exact, near enough, and cheap."""

import asyncio
import os
import signal
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from infra.client.client import Client
from infra.client.frame_counts import FrameCounts, latency
from infra.client.media_source import MediaFrame
from infra.commands.bench import endless, started
from infra.loadtest.scenario import Scenario
from infra.local.ports import free_port
from infra.local.stack import Stack

FRAMES = 2000
MANY = 500
ROUNDS = 20
ON_THEIR_WAY = 16  # frames of all sessions: two batches
SETTLE_S = 1.0
WRITTEN_WITHIN_S = 15.0


async def statistics_are_exact(trial: Scenario) -> dict[str, Any]:
    """A session of 2,000 answers, its worker killed (-9) half-way: what its statistics say, and what it counted.

    `error` is by how much each percentile is beside the one of the raw round trips, as a share of it.
    """
    client = Client(trial.stack.websocket, endless)
    killed = False

    def note(*_: Any) -> None:
        nonlocal killed
        if client.counts.answered >= FRAMES // 2 and not killed:
            killed = True
            os.kill(trial.stack.pids["worker-1"], signal.SIGKILL)
        if client.counts.answered >= FRAMES:
            client.finish()

    client.on_answer = note
    tally = await client.run(trial.seconds)
    told = await settled(trial.stack, client.session, tally)
    exact = latency(tally.round_trips)
    return {
        "sent": tally.sent,
        "answered": tally.answered,
        "dropped": dict(tally.dropped),
        "expired": tally.expired,
        "counts_equal": counts(told) == counted(tally),
        "exact_ms": exact,
        "told_ms": told["latency_ms"],
        "error": {
            name: round(abs(told["latency_ms"][name] / (exact[name] or 1) - 1), 4) for name in ("p50", "p95", "p99")
        },
        "books": await trial.books([client]),
    }


async def settled(stack: Stack, session: str, tally: FrameCounts) -> dict[str, Any]:
    """A session's statistics once they hold all its frames, or as they are when that takes too long."""
    told: dict[str, Any] = {}
    async with httpx.AsyncClient(trust_env=False) as http:
        for _ in range(round(WRITTEN_WITHIN_S / 0.2)):
            answer = await http.get(f"{stack.url}/api/sessions/{session}/stats")
            told = answer.json() if answer.status_code == 200 else {}
            if told and told["sent"] >= tally.sent:
                break
            await asyncio.sleep(0.2)
    return told


def counts(told: dict[str, Any]) -> dict[str, Any]:
    """The counts of a session's report."""
    return {name: told.get(name) for name in ("sent", "answered", "dropped", "expired", "labels")}


def counted(tally: FrameCounts) -> dict[str, Any]:
    """The counts of a client, in the report's words."""
    return {
        "sent": tally.sent,
        "answered": tally.answered,
        "dropped": dict(tally.dropped),
        "expired": tally.expired,
        "labels": dict(tally.labels),
    }


class FairShare:
    """Lets many sessions send in turn, so that always as many frames are on their way as keep an engine busy."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(0)
        self._flow = False

    async def shots(self, size: int) -> AsyncIterator[MediaFrame]:
        """Shots for one session, each when it is its turn."""
        async for shot in endless(size):
            await self._turns.acquire()
            yield shot

    def done(self, *_: Any) -> None:
        """A frame has its fate: the next session's turn."""
        if self._flow:
            self._turns.release()

    @asynccontextmanager
    async def flow(self) -> AsyncIterator[None]:
        """Inside, frames flow."""
        self._flow = True
        for _ in range(ON_THEIR_WAY):
            self._turns.release()
        yield
        self._flow = False


async def statistics_cost(trial: Scenario) -> dict[str, Any]:
    """The throughput with 500 sessions, their statistics on and off in turn, on two stacks side by side.

    All sessions stay connected throughout. Each has its turn every few seconds, so that nearly every answer changes
    what is known of another session: statistics cannot cost more.
    """
    settings = trial.stack.settings.replace(statistics="off", port=free_port(trial.stack.settings.host, 0))
    fps: dict[str, list[float]] = {"on": [], "off": []}
    with tempfile.TemporaryDirectory(prefix="sightstream-cost-") as folder:
        async with started(settings, Path(folder), say=trial.say) as without:
            trials = {"on": trial, "off": replace(trial, stack=without)}
            for each in trials.values():
                await each.run(each.clients(8), 5)
            turns = {kind: FairShare() for kind in trials}
            clients = {
                kind: each.clients(
                    MANY, source=turns[kind].shots, on_answer=turns[kind].done, on_drop=turns[kind].done
                )
                for kind, each in trials.items()
            }
            running = [asyncio.create_task(client.run()) for kind in trials for client in clients[kind]]
            trial.say(f"connecting twice {MANY} sessions")
            while not all(client.served for client in clients["on"] + clients["off"]):
                for ended in filter(asyncio.Task.done, running):
                    ended.result()  # it was refused, and says why
                await asyncio.sleep(0.1)
            for number in range(ROUNDS):
                for kind in sorted(trials, reverse=bool(number % 2)):
                    trial.say(f"round {number + 1} of {ROUNDS}: {MANY} sessions, statistics {kind}")
                    async with turns[kind].flow():
                        fps[kind].append(await throughput(clients[kind], trial.seconds / (2 * ROUNDS)))
                    await asyncio.sleep(SETTLE_S)
            for client in clients["on"] + clients["off"]:
                client.finish()
            await asyncio.gather(*running)
    ratios = [on_fps / off_fps for on_fps, off_fps in zip(fps["on"], fps["off"], strict=True)]
    return {
        "sessions": MANY,
        "fps_with": round(statistics.median(fps["on"]), 1),
        "fps_without": round(statistics.median(fps["off"]), 1),
        "with_over_without": round(statistics.median(ratios), 3),
        "all_with_over_all_without": round(sum(fps["on"]) / sum(fps["off"]), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
    }


async def throughput(clients: Sequence[Client], seconds: float) -> float:
    """How many frames a second are answered, once they flow."""
    await asyncio.sleep(SETTLE_S)
    before, began = sum(each.counts.answered for each in clients), time.monotonic()
    await asyncio.sleep(seconds)
    return (sum(each.counts.answered for each in clients) - before) / (time.monotonic() - began)
