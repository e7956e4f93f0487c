"""Fire drills: sessions stream while something breaks; how soon all are served again, and whether the books agree."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import psutil
from websockets.asyncio.client import connect

from infra.client.client import Client
from infra.client.frame_counts import total
from infra.client.media_source import MediaFrame
from infra.commands.bench import endless
from infra.loadtest import reconcile
from infra.local.stack import PICTURE, Stack
from web.messages import Labels
from web.protocol import Upload, pack

WARM_ANSWERS = 3
PATIENCE_S = 90.0
AFTER_S = 1.5
SETTLE_S = 15.0
HOUR_MS = 3_600_000.0

Fault = Callable[["FaultRun"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a fault did. ``recovery_s``: from its end until every session got a label for a frame sent after it."""

    fault: str
    sessions: int
    recovery_s: float
    sent: int
    answered: int
    dropped: dict[str, int]
    expired: int
    differences: list[str]
    sockets_left: int


@dataclass(slots=True)
class FaultRun:
    """A running stack, and ``sessions`` clients that stream to it at ``fps``."""

    stack: Stack
    sessions: int = 4
    fps: float = 8.0
    clock_ms: Callable[[], float] = lambda: time.time() * 1000
    clients: list[Client] = field(default_factory=list)
    _newest: dict[int, float] = field(default_factory=dict)  # per client: when the newest answered frame was sent

    async def run(self, name: str, fault: Fault) -> Outcome:
        """Stream, let ``fault`` happen, wait until every session is served again, and close the books."""
        self.clients = [
            Client(
                self.stack.websocket,
                endless,
                fps=self.fps,
                patience_s=PATIENCE_S,
                clock_ms=self.clock_ms,
                on_answer=self._noter(number),
            )
            for number in range(self.sessions)
        ]
        async with asyncio.TaskGroup() as tasks:
            for number, client in enumerate(self.clients):
                tasks.create_task(client.run_after(number / self.sessions / self.fps))
            await until(lambda: all(each.counts.answered >= WARM_ANSWERS for each in self.clients))
            await fault(self)
            over = time.monotonic()
            await until(lambda: all(self._newest[number] > over for number in range(self.sessions)))
            recovery_s = time.monotonic() - over
            await asyncio.sleep(AFTER_S)
            for client in self.clients:
                client.finish()
        account = total([each.counts for each in self.clients])
        return Outcome(
            name,
            self.sessions,
            recovery_s,
            account.sent,
            account.answered,
            dict(account.dropped),
            account.expired,
            await self._differences(),
            await self._sockets_left(),
        )

    def child(self, name: str) -> psutil.Process:
        """A process of the stack by its name, or the broker."""
        return psutil.Process(self.stack.pids[name])

    def _noter(self, number: int) -> Callable[[MediaFrame, Labels, float], None]:
        self._newest[number] = 0.0

        def note(_: MediaFrame, __: Labels, round_trip_ms: float) -> None:
            self._newest[number] = max(self._newest[number], time.monotonic() - round_trip_ms / 1000)

        return note

    async def _differences(self) -> list[str]:
        """What the topic and the table say otherwise than the clients, once the table has caught up."""
        mine = {each.session: each.counts for each in self.clients}
        broker = ",".join(self.stack.settings.broker)
        end = time.monotonic() + SETTLE_S
        while True:
            found = reconcile.differences(
                mine, topic=await reconcile.fates(broker), table=await reconcile.tables(broker)
            )
            if not found or time.monotonic() > end:
                return found
            await asyncio.sleep(0.3)

    async def _sockets_left(self) -> int:
        async with httpx.AsyncClient(trust_env=False) as http:
            end = time.monotonic() + SETTLE_S
            while True:
                left = int((await http.get(f"{self.stack.url}/healthz")).json()["sockets"])
                if left == 0 or time.monotonic() > end:
                    return left
                await asyncio.sleep(0.1)


async def until(true: Callable[[], bool]) -> None:
    """Wait for something to be so; TimeoutError when it does not come to be."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.01)


def killed(name: str, number: int = signal.SIGKILL) -> Fault:
    """A process of the stack gets a signal."""

    async def fault(drill: FaultRun) -> None:
        drill.child(name).send_signal(number)

    return fault


def frozen(name: str, seconds: float) -> Fault:
    """A process of the stack stands still for a while."""

    async def fault(drill: FaultRun) -> None:
        process = drill.child(name)
        process.suspend()
        try:
            await asyncio.sleep(seconds)
        finally:
            process.resume()

    return fault


async def slow_reader(drill: FaultRun) -> None:
    """A browser sends frame after frame and reads no answer."""
    jpeg = PICTURE.read_bytes()
    async with connect(drill.stack.websocket, compression=None, max_queue=1, proxy=None, close_timeout=1) as socket:
        with suppress(Exception):  # the gateway may well close it: that is its right
            for seq in range(1, 150):
                await socket.send(pack(Upload(seq, time.time() * 1000, jpeg)))
                await asyncio.sleep(0.02)


async def half_open(drill: FaultRun) -> None:
    """Twenty browsers stop to exist without closing their sockets: their process stands still."""
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, drill.stack.websocket, stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None
    await holder.stdout.readline()
    os.kill(holder.pid, signal.SIGSTOP)
    try:
        async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(PATIENCE_S):
            while (await http.get(f"{drill.stack.url}/healthz")).json()["sockets"] > drill.sessions:
                await asyncio.sleep(0.2)
    finally:
        holder.kill()
        await holder.wait()


HOLD = """
import asyncio, sys
from websockets.asyncio.client import connect
async def main():
    sockets = [await connect(sys.argv[1], compression=None, proxy=None) for _ in range(20)]
    print(len(sockets), flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def nothing(_: FaultRun) -> None:
    """No fault: what is unusual is in the drill itself."""


@dataclass(frozen=True, slots=True)
class FaultCase:
    """A fault by name, and under which load it is tried."""

    name: str
    fault: Fault
    sessions: int = 4
    fps: float = 8.0
    clock_ms: Callable[[], float] = lambda: time.time() * 1000

    async def run(self, stack: Stack) -> Outcome:
        """Try it on ``stack``."""
        return await FaultRun(stack, self.sessions, self.fps, self.clock_ms).run(self.name, self.fault)


ONE_WORKER = (
    FaultCase("worker stands still for 10 s", frozen("worker-1", 10.0)),  # first: it has committed nothing yet
    FaultCase("kill -9 of the only worker", killed("worker-1")),
    FaultCase("kill -9 of the gateway, 50 clients", killed("gateway"), sessions=50, fps=1.0),
    FaultCase("kill -9 of the gateway, 200 clients come back at once", killed("gateway"), sessions=200, fps=0.2),
    FaultCase("broker stopped by SIGTERM", killed("broker", signal.SIGTERM)),
    FaultCase("kill -9 of the broker", killed("broker")),
    FaultCase("a browser that never reads", slow_reader),
    FaultCase("20 half-open sockets", half_open),
    FaultCase("client clocks an hour ahead", nothing, clock_ms=lambda: time.time() * 1000 + HOUR_MS),
    FaultCase("client clocks an hour behind", nothing, clock_ms=lambda: time.time() * 1000 - HOUR_MS),
)
TWO_WORKERS = (FaultCase("kill -9 of one of two workers", killed("worker-2"), sessions=8),)
