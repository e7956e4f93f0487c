"""The bytes of an overload, carried from this process to another one that only reads them.

Where load and stack share the cores, this is what the load alone costs: beside it a stack cannot do better, however
cheaply it drops frames.
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
    """How many payloads the sockets have taken."""

    carried: int = 0


@asynccontextmanager
async def burden(payloads: Sequence[bytes], *, sockets: int, per_second: float) -> AsyncIterator[BackgroundLoad]:
    """Inside, ``sockets`` connections together carry so many payloads a second, each at its own moments."""
    pipe = asyncio.subprocess.PIPE
    sink = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "infra.loadtest.background_load", stdin=pipe, stdout=pipe
    )
    assert sink.stdin is not None
    assert sink.stdout is not None
    try:
        port = int(await sink.stdout.readline())
        period = sockets / per_second
        account = BackgroundLoad()
        carriers = [
            asyncio.create_task(_carry(payloads, port, period, number * period / sockets, account))
            for number in range(sockets)
        ]
        try:
            yield account
        finally:
            for each in carriers:
                each.cancel()
            ended = await asyncio.gather(*carriers, return_exceptions=True)
        for why in ended:
            if not isinstance(why, asyncio.CancelledError):  # what was not carried was no burden
                raise RuntimeError(f"a burden was not carried to its end: {why!r}")
    finally:
        sink.stdin.close()
        await sink.wait()


async def _carry(payloads: Sequence[bytes], port: int, period: float, first: float, account: BackgroundLoad) -> None:
    clock = asyncio.get_running_loop().time
    _, writer = await asyncio.open_connection(HOST, port)
    due = clock() + first
    try:
        for payload in cycle(payloads):
            await asyncio.sleep(due - clock())
            writer.write(payload)
            await writer.drain()
            account.carried += 1
            due = max(due + period, clock())
    finally:
        writer.close()


class Sink(asyncio.Protocol):
    """Reads, and forgets."""


async def main() -> None:
    """Tell the port, and read from whoever connects until standard input ends."""
    server = await asyncio.get_running_loop().create_server(Sink, HOST, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
