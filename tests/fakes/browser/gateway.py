"""A gateway without broker or model: serves the page, and answers frames as the test sets it."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from web import STATIC
from web.messages import parse_ping
from web.protocol import SUBPROTOCOL, Upload, offered_token, unpack
from web.views.stats import charts
from web.views.templates import html

POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; "
    "style-src 'self'; script-src 'self'"
)
MODEL = {"name": "efficientnet_lite2", "version": "2026.1", "input_size": 260}
Answer = Callable[["FakeGateway", Upload], dict[str, Any] | None]


def labels(upload: Upload, *names: str, best: float = 0.8) -> dict[str, Any]:
    """Labels for ``upload``: the first name with probability ``best``, each further one with a third of it."""
    now = time.time() * 1000
    ranked = (names or ("tabby", "Egyptian_cat", "tiger_cat", "lynx", "Persian_cat"))[:5]
    steps = ("captured", "received", "queued", "decoded", "classified", "published")
    return {
        "type": "labels",
        "seq": upload.seq,
        "labels": [{"index": i, "label": name, "probability": best / 3**i} for i, name in enumerate(ranked)],
        "model": MODEL["name"],
        "version": MODEL["version"],
        "input_size": MODEL["input_size"],
        "times": dict(zip(steps, (now, now, now + 2, now + 4, now + 12, now + 13), strict=True)),
    }


def dropped(upload: Upload, reason: str) -> dict[str, Any]:
    return {"type": "dropped", "seq": upload.seq, "reason": reason, "stage": "worker"}


@dataclass
class FakeGateway:
    """What the page has sent, and how to answer it. Tests read and set these fields from their own thread."""

    port: int
    answer: Answer | None = lambda gateway, upload: labels(upload)  # None withholds every answer
    models: list[dict[str, Any]] = field(default_factory=lambda: [dict(MODEL)])
    model: dict[str, Any] | None = field(default_factory=lambda: dict(MODEL))
    credits: int = 2
    refuse_token: bool = False
    silent: bool = False  # as a stopped process: connections stay open, nothing is read or answered
    away: bool = False  # every new connection is refused
    connections: list[dict[str, str]] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    pings: int = 0
    _sockets: list[WebSocket] = field(default_factory=list)
    _loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def send(self, message: dict[str, Any]) -> None:
        """Send ``message`` to the newest connection."""
        self._run(self._sockets[-1].send_text(json.dumps(message)))

    def close(self, code: int, reason: str = "") -> None:
        """Close the newest connection."""
        self._run(self._sockets.pop().close(code, reason))

    def _run(self, work: Awaitable[None]) -> None:
        async def done() -> None:
            await work

        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(done(), self._loop).result(timeout=5)

    async def connect(self, browser: WebSocket) -> None:
        offered = browser.scope["subprotocols"]
        await self._wait_while_silent()
        if self.away:
            await browser.close()
            return
        await browser.accept(SUBPROTOCOL)
        self._loop = asyncio.get_running_loop()
        token = offered_token(offered)
        params = {**browser.query_params, **({"token": token} if token else {})}
        self.connections.append(params)
        if self.refuse_token and "token" in params:
            await browser.close(4401, "token not accepted")
            return
        self._sockets.append(browser)
        await browser.send_text(json.dumps(self._welcome(params)))
        for seq in filter(None, params.get("pending", "").split(",")):
            await browser.send_text(json.dumps(dropped(Upload(int(seq), 0.0, b""), "expired")))
        try:
            while True:
                message = await browser.receive()
                if message["type"] == "websocket.disconnect":
                    return
                await self._wait_while_silent()
                await self._receive(browser, message)
        except (WebSocketDisconnect, RuntimeError):
            return

    async def _wait_while_silent(self) -> None:
        while self.silent:
            await asyncio.sleep(0.01)

    async def _receive(self, browser: WebSocket, message: Any) -> None:
        if message.get("text") is not None:
            ping = parse_ping(message["text"])
            self.pings += 1
            pong = {"type": "pong", "sent": ping.sent, "server": time.time() * 1000}
            await browser.send_text(json.dumps(pong))
            return
        upload = unpack(message["bytes"])
        self.uploads.append(upload)
        answer = self.answer(self, upload) if self.answer else None
        if answer is not None:
            await browser.send_text(json.dumps(answer))

    def _welcome(self, params: dict[str, str]) -> dict[str, Any]:
        number = params["token"].removeprefix("token-") if "token" in params else str(len(self.connections))
        chosen = next((model for model in self.models if model["name"] == params.get("model")), self.model)
        return {
            "type": "welcome",
            "session": f"session-{number}",
            "token": f"token-{number}",
            "credits": self.credits,
            "seq": max((upload.seq for upload in self.uploads), default=0) if "token" in params else 0,
            "model": chosen,
            "models": self.models,
            "max_frame_bytes": 1_000_000,
            "server": time.time() * 1000,
            "stats": f"stats/session-{number}",
        }


def _page(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        return html(request, name, headers={"content-security-policy": POLICY})

    return page


class FakeServer:
    """One port for several gateways, one after another: a page keeps the one that it connected to."""

    def __init__(self, port: int) -> None:
        self.gateway = FakeGateway(port)

    def renew(self) -> FakeGateway:
        """A new gateway for the connections from now on."""
        self.gateway = FakeGateway(self.gateway.port)
        return self.gateway

    async def connect(self, browser: WebSocket) -> None:
        await self.gateway.connect(browser)


@contextmanager
def serving() -> Iterator[FakeServer]:
    """A server on a free port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    fake = FakeServer(listener.getsockname()[1])
    app = Starlette(
        routes=[
            Route("/", _page("index.html")),
            Route("/stats/{session}", _page("stats.html")),
            Route("/ops", _page("ops.html")),
            Route("/static/vendor/chart.js", charts),
            WebSocketRoute("/ws", fake.connect),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
    )
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", lifespan="off", ws="websockets-sansio", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield fake
    server.should_exit = True
    thread.join(timeout=5)
