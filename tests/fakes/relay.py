"""A network between clients and a server that breaks when a test wants it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Relay:
    """Passes every connection on to ``upstream``, a port of this machine."""

    upstream: int
    port: int = 0
    _tasks: set["asyncio.Task[object] | None"] = field(default_factory=set)
    _sides: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())
        from_server, server = await asyncio.open_connection("127.0.0.1", self.upstream)
        sides = client, server
        self._sides.add(sides)
        up, down = (asyncio.create_task(self._copy(*each)) for each in ((reader, server), (from_server, client)))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            if sides not in self._sides:  # the client has vanished
                await down
        finally:
            self._sides.discard(sides)
            for task in (up, down):
                task.cancel()
            for each in sides:
                each.close()

    def cut(self) -> None:
        """End all connections, at both sides."""
        for sides in self._sides:
            for each in sides:
                each.transport.abort()
        self._sides.clear()

    def vanish(self) -> None:
        """End all connections for the clients. The server hears nothing of it, as when a phone loses its network."""
        vanished, self._sides = self._sides, set()
        for client, _ in vanished:
            client.transport.abort()

    def end(self) -> None:
        """End whatever there still is."""
        for task in self._tasks:
            if task:
                task.cancel()

    @staticmethod
    async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(2**16):
                writer.write(data)
                await writer.drain()


@asynccontextmanager
async def relay_to(port: int) -> AsyncIterator[Relay]:
    """A relay on a free port until the block ends."""
    relay = Relay(port)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        relay.end()
