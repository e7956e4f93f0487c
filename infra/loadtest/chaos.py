"""Faults on a running stack: sessions stream while something breaks, until all of them are served again."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import httpx
from websockets.asyncio.client import connect

from infra.client.client import Client
from infra.client.frame_counts import total
from infra.client.media_source import MediaFrame
from infra.loadtest.reconcile import lasting_differences
from infra.loadtest.sample_frames import endless_samples
from infra.loadtest.stack_under_test import Progress, process_of, settings_under_test, started, wait_until
from infra.local.readiness import PICTURE
from infra.local.stack import Stack
from streams.contract.clock import now_ms
from web.messages import Labels
from web.protocol import Upload, pack

WARM_ANSWERS = 3
PATIENCE_S = 90.0
AFTER_S = 1.5
SOCKETS_CLOSE_S = 15.0
HOUR_MS = 3_600_000.0

Fault = Callable[[Stack], Awaitable[None]]  # returns when the fault is over


@dataclass(frozen=True, slots=True)
class FaultReport:
    """The effect of a fault. ``recovery_s``: from its end until every session got a label for a frame sent after it.

    ``differences`` are the sessions whose frame counts disagree between client, topic and table.
    """

    fault: str
    sessions: int
    recovery_s: float
    sent: int
    answered: int
    dropped: dict[str, int]
    expired: int
    differences: list[str]
    sockets_left: int


@dataclass(frozen=True, slots=True)
class FaultCase:
    """A fault, its name, and the sessions that stream meanwhile: their number, rate and clock."""

    name: str
    fault: Fault
    sessions: int = 4
    fps: float = 8.0
    clock_ms: Callable[[], float] = now_ms

    async def run(self, stack: Stack) -> FaultReport:
        """Try the fault on ``stack``.

        Raises:
            ExceptionGroup: with a TimeoutError where the sessions are not served again within 90 seconds.
        """
        sessions = [StreamingSession(stack, self) for _ in range(self.sessions)]
        async with asyncio.TaskGroup() as tasks:
            for number, each in enumerate(sessions):
                tasks.create_task(each.client.run_after(number / self.sessions / self.fps))
            await wait_until(
                lambda: all(each.client.counts.answered >= WARM_ANSWERS for each in sessions), PATIENCE_S
            )
            await self.fault(stack)
            end = time.monotonic()
            await wait_until(lambda: all(each.served_since > end for each in sessions), PATIENCE_S)
            recovery_s = time.monotonic() - end
            await asyncio.sleep(AFTER_S)
            for each in sessions:
                each.client.finish()
        counts = {each.client.session: each.client.counts for each in sessions}
        whole = total(list(counts.values()))
        return FaultReport(
            self.name,
            self.sessions,
            recovery_s,
            whole.sent,
            whole.answered,
            dict(whole.dropped),
            whole.expired,
            await lasting_differences(stack.settings, counts),
            await sockets_left(stack),
        )


class StreamingSession:
    """A client, and ``served_since``: by the monotonic clock, when the newest frame that is answered was sent."""

    def __init__(self, stack: Stack, case: FaultCase) -> None:
        self.served_since = 0.0
        self.client = Client(
            stack.websocket,
            endless_samples,
            fps=case.fps,
            patience_s=PATIENCE_S,
            clock_ms=case.clock_ms,
            on_answer=self._note,
        )

    def _note(self, _: MediaFrame, __: Labels, round_trip_ms: float) -> None:
        self.served_since = max(self.served_since, time.monotonic() - round_trip_ms / 1000)


async def run_cases(model: str, cases: Sequence[FaultCase], *, workers: int, progress: Progress) -> list[FaultReport]:
    """Try ``cases`` one after the other on one stack that serves ``model``."""
    settings = settings_under_test(model).replace(max_sockets_per_address=1000, ping_s=3.0)
    reports = []
    async with started(settings, workers=workers, progress=progress) as stack:
        for case in cases:
            progress(case.name)
            reports.append(await case.run(stack))
    return reports


async def open_sockets(stack: Stack) -> int:
    """How many sockets the gateway has."""
    async with httpx.AsyncClient(trust_env=False) as http:
        return int((await http.get(f"{stack.url}/healthz")).json()["sockets"])


async def sockets_left(stack: Stack) -> int:
    """How many sockets the gateway still has when it has had time to close them."""
    end = time.monotonic() + SOCKETS_CLOSE_S
    while (left := await open_sockets(stack)) and time.monotonic() < end:
        await asyncio.sleep(0.1)
    return left


def send_signal(name: str, number: signal.Signals = signal.SIGKILL) -> Fault:
    """The fault that sends a signal to a process of the stack."""

    async def fault(stack: Stack) -> None:
        process_of(stack, name).send_signal(number)

    return fault


def suspend(name: str, seconds: float) -> Fault:
    """The fault that suspends a process of the stack for some seconds."""

    async def fault(stack: Stack) -> None:
        process = process_of(stack, name)
        process.suspend()
        try:
            await asyncio.sleep(seconds)
        finally:
            process.resume()

    return fault


async def slow_reader(stack: Stack) -> None:
    """A client sends 149 frames and reads no answer."""
    jpeg = PICTURE.read_bytes()
    async with connect(stack.websocket, compression=None, max_queue=1, proxy=None, close_timeout=1) as socket:
        with suppress(Exception):  # the gateway may close the socket
            for seq in range(1, 150):
                await socket.send(pack(Upload(seq, now_ms(), jpeg)))
                await asyncio.sleep(0.02)


async def half_open_sockets(stack: Stack) -> None:
    """Twenty clients vanish without closing their sockets; over when the gateway has closed those sockets."""
    before = await open_sockets(stack)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", TWENTY_SOCKETS, stack.websocket, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    os.kill(process.pid, signal.SIGSTOP)  # the kernel keeps the sockets open, but nothing answers pings
    try:
        async with asyncio.timeout(PATIENCE_S):
            while await open_sockets(stack) > before:
                await asyncio.sleep(0.2)
    finally:
        process.kill()
        await process.wait()


TWENTY_SOCKETS = """
import asyncio, sys
from websockets.asyncio.client import connect
async def main():
    sockets = [await connect(sys.argv[1], compression=None, proxy=None) for _ in range(20)]
    print(len(sockets), flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def no_fault(_: Stack) -> None:
    """Does nothing, for cases where only the clients are unusual."""


ONE_WORKER = (
    FaultCase("worker stands still for 10 s", suspend("worker-1", 10.0)),  # first: it has committed nothing yet
    FaultCase("kill -9 of the only worker", send_signal("worker-1")),
    FaultCase("kill -9 of the gateway, 50 clients", send_signal("gateway-1"), sessions=50, fps=1.0),
    FaultCase(
        "kill -9 of the gateway, 200 clients come back at once", send_signal("gateway-1"), sessions=200, fps=0.2
    ),
    FaultCase("broker stopped by SIGTERM", send_signal("broker-1", signal.SIGTERM)),
    FaultCase("kill -9 of the broker", send_signal("broker-1")),
    FaultCase("a browser that never reads", slow_reader),
    FaultCase("20 half-open sockets", half_open_sockets),
    FaultCase("client clocks an hour ahead", no_fault, clock_ms=lambda: now_ms() + HOUR_MS),
    FaultCase("client clocks an hour behind", no_fault, clock_ms=lambda: now_ms() - HOUR_MS),
)
TWO_WORKERS = (FaultCase("kill -9 of one of two workers", send_signal("worker-2"), sessions=8),)
