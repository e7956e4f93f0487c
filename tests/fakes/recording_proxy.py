"""A proxy between a client and a gateway's WebSocket that keeps what travels."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from web.protocol import SUBPROTOCOL


@dataclass
class Recording:
    """What travelled: up from clients, down to them, the queries of their addresses, the codes of closed sockets."""

    url: str = ""
    up: list[str | bytes] = field(default_factory=list)
    down: list[str | bytes] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)


@asynccontextmanager
async def recording_proxy(gateway: str) -> AsyncIterator[Recording]:
    """Serve a proxy on a free port until the context ends. ``gateway`` is the address of a WebSocket."""
    recording = Recording()

    async def relay(client: ServerConnection) -> None:
        assert client.request
        address = urlsplit(client.request.path)
        recording.queries.append({name: each[0] for name, each in parse_qs(address.query).items()})
        offered = [Subprotocol(each) for each in client.request.headers.get("Sec-WebSocket-Protocol", "").split(", ")]
        options = {"subprotocols": [each for each in offered if each] or None, "compression": None, "proxy": None}
        async with connect(f"{gateway}?{address.query}", max_size=None, **options) as server:  # type: ignore[arg-type]
            pumps = (pump(client, server, recording.up), pump(server, client, recording.down))
            _, unfinished = await asyncio.wait(map(asyncio.create_task, pumps), return_when=asyncio.FIRST_COMPLETED)
            for each in unfinished:
                each.cancel()
            if server.close_code and server.close_reason:
                recording.closed.append(server.close_code)
                await client.close(server.close_code, server.close_reason)

    async with serve(
        relay, "127.0.0.1", 0, compression=None, max_size=None, select_subprotocol=accepted, close_timeout=1
    ) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        recording.url = f"ws://127.0.0.1:{port}/ws"
        yield recording


async def pump(
    source: ClientConnection | ServerConnection, target: ClientConnection | ServerConnection, kept: list[str | bytes]
) -> None:
    """Hand every message on until one side has gone."""
    with suppress(ConnectionClosed):
        async for message in source:
            kept.append(message)
            await target.send(message)


def accepted(connection: ServerConnection, offered: Iterable[Subprotocol]) -> Subprotocol | None:
    """The subprotocol that a gateway accepts, if the client offers it."""
    own = Subprotocol(SUBPROTOCOL)
    return own if own in offered else None
