"""A reverse proxy on raw sockets: serves a gateway under a path, which it strips or keeps, with WebSockets."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import uvicorn
from starlette.types import ASGIApp


@dataclass
class ReverseProxy:
    """One request a connection. A request outside ``prefix`` is noted in ``strays`` and gets 404.

    ``host`` replaces the header Host; None lets it through. ``headers`` are added.
    """

    upstream: int  # a port of this machine
    prefix: str
    strips: bool = True
    host: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    strays: list[str] = field(default_factory=list)
    websockets: int = 0  # asked for until now
    port: int = 0  # of the proxy; 0 takes a free one

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}/"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
        method, path, version = first.split(" ")
        rest = path.removeprefix(self.prefix)
        if not path.startswith(self.prefix) or not (rest == "" or rest.startswith(("/", "?"))):
            self.strays.append(path)
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        sent = dict(line.split(": ", 1) for line in lines)
        if "Upgrade" in sent:
            self.websockets += 1
        else:
            sent["Connection"] = "close"
        if self.host is not None:
            sent["Host"] = self.host
        target = ("/" + rest.removeprefix("/")) if self.strips else path
        head = [
            f"{method} {target} {version}",
            *(f"{name}: {value}" for name, value in {**sent, **self.headers}.items()),
        ]
        from_gateway, to_gateway = await asyncio.open_connection("127.0.0.1", self.upstream)
        to_gateway.write("\r\n".join([*head, "", ""]).encode("latin-1"))
        await asyncio.gather(pass_on(reader, to_gateway), pass_on(from_gateway, writer))


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy bytes until one side ends, then end the other."""
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextmanager
def behind_proxy(app: ASGIApp, proxy: ReverseProxy) -> Iterator[ReverseProxy]:
    """The gateway ``app`` on a free port, and the proxy before it; both end with the context."""
    started, stop = threading.Event(), threading.Event()

    async def run() -> None:
        config = uvicorn.Config(app, port=0, log_config=None, proxy_headers=False, timeout_graceful_shutdown=1)
        gateway = uvicorn.Server(config)
        serving = asyncio.create_task(gateway.serve())
        while not gateway.started:
            await asyncio.sleep(0.01)
        proxy.upstream = gateway.servers[0].sockets[0].getsockname()[1]
        async with await asyncio.start_server(proxy.serve, "127.0.0.1", proxy.port) as server:
            proxy.port = server.sockets[0].getsockname()[1]
            started.set()
            await asyncio.to_thread(stop.wait)
        gateway.should_exit = True
        await serving

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    assert started.wait(10), "the gateway did not start"
    try:
        yield proxy
    finally:
        stop.set()
        thread.join(timeout=10)
