"""What a session's statistics promise, measured: they are exact, near enough, and cheap."""

import asyncio
import os
import signal
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from infra.bench import endless, started
from infra.client import Client
from infra.stack import Stack
from infra.tally import Tally, latency, total
from infra.trial import Trial
from infra.up import free_port

FRAMES = 2000
MANY = 500
ROUNDS = 5
OFFERED = 1.2  # times what can be answered, from many sessions together
WRITTEN_WITHIN_S = 15.0


async def statistics_are_exact(trial: Trial) -> dict[str, Any]:
    """A session of 2,000 answers, its worker killed (-9) half-way: what its statistics say, and what it counted.

    `error` is by how much each percentile is beside the one of the raw round trips, as a share of it.
    """
    client = Client(trial.stack.websocket, endless)
    killed = False

    def note(*_: Any) -> None:
        nonlocal killed
        if client.tally.answered >= FRAMES // 2 and not killed:
            killed = True
            [pid] = [each.pid for each in trial.stack.children if each.name == "worker-1"]
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        if client.tally.answered >= FRAMES:
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


async def settled(stack: Stack, session: str, tally: Tally) -> dict[str, Any]:
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


def counted(tally: Tally) -> dict[str, Any]:
    """The counts of a client, in the report's words."""
    return {
        "sent": tally.sent,
        "answered": tally.answered,
        "dropped": dict(tally.dropped),
        "expired": tally.expired,
        "labels": dict(tally.labels),
    }


async def statistics_cost(trial: Trial) -> dict[str, Any]:
    """The throughput with 500 sessions, their statistics on and off in turn, on two stacks side by side."""
    fps: dict[str, list[float]] = {"on": [], "off": []}
    settings = replace(trial.stack.settings, statistics="off", port=free_port(trial.stack.settings.host, 0))
    with tempfile.TemporaryDirectory(prefix="sightstream-cost-") as folder:
        async with started(settings, Path(folder), say=trial.say) as without:
            trials = {"on": trial, "off": replace(trial, stack=without)}
            for each in trials.values():
                warm = each.clients(8)
                await each.run(warm, 5)
            capacity = total([client.tally for client in warm]).answered / 5
            for number in range(ROUNDS):
                for kind in sorted(trials, reverse=bool(number % 2)):
                    trial.say(f"round {number + 1} of {ROUNDS}: {MANY} sessions, statistics {kind}")
                    clients = trials[kind].clients(MANY, fps=OFFERED * capacity / MANY)
                    fps[kind].append(await throughput(trials[kind], clients, trial.seconds / (2 * ROUNDS)))
    ratios = [on_fps / off_fps for on_fps, off_fps in zip(fps["on"], fps["off"], strict=True)]
    return {
        "sessions": MANY,
        "fps_with": round(statistics.median(fps["on"]), 1),
        "fps_without": round(statistics.median(fps["off"]), 1),
        "with_over_without": round(statistics.median(ratios), 3),
        "all_with_over_all_without": round(sum(fps["on"]) / sum(fps["off"]), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
    }


async def throughput(trial: Trial, clients: list[Client], seconds: float) -> float:
    """How many frames a second are answered, from when all clients are connected and answered once."""
    running = asyncio.create_task(trial.run(clients))
    while not all(each.tally.answered or each.tally.dropped for each in clients) and not running.done():
        await asyncio.sleep(0.1)
    before, began = sum(each.tally.answered for each in clients), time.monotonic()
    await asyncio.sleep(seconds)
    fps = (sum(each.tally.answered for each in clients) - before) / (time.monotonic() - began)
    for each in clients:
        each.finish()
    await running
    return fps
