"""The bytes of an overload, sent from this process to another one that only reads them.

Clients and stack share the cores, so an overload costs the stack CPU time even when every frame is dropped for free.
This module makes only that cost. The stack's throughput beside it is the most that it can reach under an overload.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle

HOST = "127.0.0.1"


@dataclass(slots=True)
class BackgroundLoad:
    """Sends payloads to a port of this machine, and counts them."""

    payloads: Sequence[bytes]
    port: int
    period_s: float  # between two payloads on one socket
    sent: int = 0  # payloads, on all sockets together

    async def send(self, wait_s: float) -> None:
        """Open a socket and send the payloads one after the other for ever, the first after ``wait_s``."""
        clock = asyncio.get_running_loop().time
        _, writer = await asyncio.open_connection(HOST, self.port)
        due = clock() + wait_s
        try:
            for payload in cycle(self.payloads):
                await asyncio.sleep(due - clock())
                writer.write(payload)
                await writer.drain()
                self.sent += 1
                due = max(due + self.period_s, clock())
        finally:
            writer.close()


@asynccontextmanager
async def background_load(
    payloads: Sequence[bytes], *, sockets: int, per_second: float
) -> AsyncIterator[BackgroundLoad]:
    """Send ``per_second`` payloads on ``sockets`` sockets together, evenly spread, while the block runs.

    Raises:
        RuntimeError: a socket failed before the end, so the load was smaller than it should be.
    """
    pipe = asyncio.subprocess.PIPE
    reader = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "infra.loadtest.background_load", stdin=pipe, stdout=pipe
    )
    assert reader.stdin is not None
    assert reader.stdout is not None
    try:
        load = BackgroundLoad(payloads, int(await reader.stdout.readline()), sockets / per_second)
        senders = [asyncio.create_task(load.send(number / per_second)) for number in range(sockets)]
        try:
            yield load
        finally:
            for each in senders:
                each.cancel()
            results = await asyncio.gather(*senders, return_exceptions=True)
        for result in results:
            if not isinstance(result, asyncio.CancelledError):
                raise RuntimeError(f"the background load stopped early: {result!r}")
    finally:
        reader.stdin.close()
        await reader.wait()


class Discard(asyncio.Protocol):
    """Reads everything and keeps nothing."""


async def main() -> None:
    """Print a port, and read from every connection to it until standard input ends."""
    server = await asyncio.get_running_loop().create_server(Discard, HOST, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
