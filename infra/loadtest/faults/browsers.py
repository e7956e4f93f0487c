"""Browsers that misbehave: one that never reads, and some that vanish without a word."""

import asyncio
import os
import signal
import sys
from contextlib import suppress

import httpx
from websockets.asyncio.client import connect

from infra.local.readiness import PICTURE
from infra.local.stack import Stack
from streams.contract.clock import now_ms
from web.protocol import Upload, pack

PATIENCE_S = 90.0


async def slow_reader(stack: Stack) -> None:
    """A client sends 149 frames and reads no answer."""
    jpeg = PICTURE.read_bytes()
    async with connect(stack.websocket, compression=None, max_queue=1, proxy=None, close_timeout=1) as socket:
        with suppress(Exception):  # the gateway may close the socket
            for seq in range(1, 150):
                await socket.send(pack(Upload(seq, now_ms(), jpeg)))
                await asyncio.sleep(0.02)


async def half_open_sockets(stack: Stack) -> None:
    """Twenty clients vanish without closing their sockets; over when the gateway has closed those sockets.

    Raises:
        TimeoutError: it has not done so after 90 seconds.
    """
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


async def open_sockets(stack: Stack) -> int:
    """How many sockets all gateways have."""
    async with httpx.AsyncClient(trust_env=False) as http:
        answers = [await http.get(f"{url}/healthz") for url in stack.urls]
    return sum(int(each.json()["sockets"]) for each in answers)
