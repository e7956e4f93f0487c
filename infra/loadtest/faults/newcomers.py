"""Processes that are started beside a stack and share its Kafka, also with a clock of their own."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import httpx

from infra.loadtest.faults.case import Preparation
from infra.loadtest.faults.wholeness import GROUP, REQUEST_S
from infra.local.ports import free_port
from infra.local.stack import Stack
from infra.local.supervisor import SupervisedProcess
from infra.local.topic_admin import admin_client

LOOK_S = 0.1
JOIN_S = 60.0


def gateway_with_clock(ahead_s: float) -> Preparation:
    """One more gateway, whose clock is ahead. A part of the sessions connects to it, as to the stack's gateways."""

    @asynccontextmanager
    async def preparation(stack: Stack) -> AsyncIterator[Sequence[str]]:
        port = free_port(stack.settings.host, 0)
        url = f"{stack.settings.host}:{port}"
        async with newcomer(stack, "gateway-ahead", ["infra.commands", "gateway"], ahead_s, port=port):
            await until_ready(f"http://{url}")
            yield [f"ws://{url}/ws", *stack.websockets]

    return preparation


def worker_with_clock(ahead_s: float) -> Preparation:
    """One more worker, whose clock is ahead, once it has its partitions."""

    @asynccontextmanager
    async def preparation(stack: Stack) -> AsyncIterator[Sequence[str]]:
        async with joining_worker(stack, ahead_s):
            await until_joined(stack, stack.workers + 1)
            yield stack.websockets

    return preparation


@asynccontextmanager
async def joining_worker(stack: Stack, ahead_s: float = 0.0) -> AsyncIterator[None]:
    """One more worker, from its start until the end of the block."""
    faust = ["faust", "-A", "streams.worker", "worker", "-l", "info"]
    async with newcomer(stack, "worker-new", faust, ahead_s, threads=1, worker_name="", metrics_port=0):
        yield


@asynccontextmanager
async def newcomer(
    stack: Stack, name: str, arguments: Sequence[str], ahead_s: float, **settings: object
) -> AsyncIterator[SupervisedProcess]:
    """A Python module as one more process, which runs until the end of the block."""
    command = [sys.executable, "-m", "infra.loadtest.faults.shifted_clock", str(ahead_s), *arguments]
    environ = {**os.environ, "PYTHONUNBUFFERED": "1", **stack.settings.replace(**settings).to_environ()}
    process = SupervisedProcess(name, command, environ=environ, log_file=stack.folder / "logs" / f"{name}.log")
    running = asyncio.create_task(process.run())
    try:
        yield process
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until_joined(stack: Stack, workers: int) -> None:
    """Wait until the workers' group has so many members and all have their partitions.

    Raises:
        TimeoutError: this takes more than 60 seconds.
    """
    members: list[object] = []
    async with admin_client(stack.settings, REQUEST_S) as admin:
        end = time.monotonic() + JOIN_S
        while time.monotonic() < end:
            [answer] = await admin.describe_consumer_groups([GROUP])
            _, _, state, _, _, members, *_ = answer.groups[0]
            if state == "Stable" and len(members) >= workers:
                return
            await asyncio.sleep(LOOK_S)
    raise TimeoutError(f"{len(members)} of {workers} workers share the partitions after {JOIN_S:.0f} s")


async def until_ready(url: str) -> None:
    """Wait until a gateway is ready.

    Raises:
        TimeoutError: this takes more than 60 seconds.
    """
    async with httpx.AsyncClient(trust_env=False) as http:
        end = time.monotonic() + JOIN_S
        while time.monotonic() < end:
            with suppress(httpx.TransportError):
                if (await http.get(f"{url}/readyz")).status_code == 200:
                    return
            await asyncio.sleep(LOOK_S)
    raise TimeoutError(f"the gateway at {url} is not ready after {JOIN_S:.0f} s")
