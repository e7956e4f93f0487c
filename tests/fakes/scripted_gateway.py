"""A WebSocket server for one client: no sessions, no broker, and the answers that a test wants."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from web.messages import GatewayMessage, ModelInfo, Ping, Pong, Welcome, encode, parse_ping
from web.protocol import CloseCode, Upload, offered_token, unpack

NET = ModelInfo("net", "1", 224)
AHEAD_MS = 5000.0  # by so much the clock of this server is ahead


class ScriptedGateway:
    """Notes what its one client sends. ``answer`` makes the messages that follow each frame."""

    def __init__(
        self, answer: Callable[[Upload], Sequence[GatewayMessage]] = lambda upload: [], credits: int = 2
    ) -> None:
        self.answer = answer
        self.credits = credits
        self.models = [NET]
        self.refusals = 0  # so many of the next connections are closed, because there are too many
        self.url = ""
        self.queries: list[dict[str, str]] = []
        self.tokens: list[str] = []  # empty where there was none
        self.uploads: list[Upload] = []
        self.pings: list[Ping] = []
        self.socket: ServerConnection | None = None  # the newest

    async def connect(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        self.queries.append(dict(parse_qsl(urlsplit(socket.request.path).query)))
        self.tokens.append(offered_token(socket.request.headers["Sec-WebSocket-Protocol"].split(", ")))
        if self.refusals:
            self.refusals -= 1
            await socket.close(CloseCode.TRY_AGAIN_LATER, "too many connections")
            return
        self.socket = socket
        await self.send(Welcome("s", 0, 0.0, self.models, self.models[0], "token", self.credits, 10**6, ""))
        with suppress(ConnectionClosed):
            async for message in socket:
                if isinstance(message, str):
                    self.pings.append(parse_ping(message))
                    await self.send(Pong(self.pings[-1].sent, time.time() * 1000 + AHEAD_MS))
                else:
                    self.uploads.append(unpack(message))
                    await self.send(*self.answer(self.uploads[-1]))

    async def send(self, *messages: GatewayMessage) -> None:
        assert self.socket is not None
        for message in messages:
            await self.socket.send(encode(message))

    async def lose(self) -> None:
        """Close the newest connection once it is there."""
        while self.socket is None:
            await asyncio.sleep(0.002)
        await self.socket.close(CloseCode.TRY_AGAIN_LATER)
        self.socket = None

    async def until_queries(self, count: int) -> None:
        while len(self.queries) < count or self.socket is None:
            await asyncio.sleep(0.002)

    async def until_uploads(self, count: int) -> None:
        while len(self.uploads) < count:
            await asyncio.sleep(0.002)


@asynccontextmanager
async def serving(gateway: ScriptedGateway, **how: Any) -> AsyncIterator[ScriptedGateway]:
    """The gateway on a free port of this machine; ``how`` is passed to ``websockets.serve``."""
    async with serve(gateway.connect, "127.0.0.1", 0, **how) as server:
        gateway.url = f"ws://127.0.0.1:{port(server)}/ws"
        yield gateway


def port(server: Server) -> int:
    return int(next(iter(server.sockets)).getsockname()[1])
