"""What answers at each address of the gateway."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import anyio
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from streams.contract.settings import Settings
from web.hub import Hub, Outbox, error
from web.protocol import BadMessage, unpack, unpack_word
from web.security.tokens import BadToken
from web.sessions import Flood
from web.views.templates import render

POLICY = 1008
PROTOCOL = 4400
BAD_TOKEN = 4401
TAKEN_OVER = 4409


MAX_MISTAKES = 16
MAX_PENDING = 64
SEND_TIMEOUT_S = 10.0
GULP_EVERY_S = 0.1
GULP_S = 0.01


async def page(request: Request) -> Response:
    """The webcam page."""
    return HTMLResponse(render("index.html"))


async def healthz(request: Request) -> Response:
    """200 while the gateway lives, with how many sockets and tasks it has."""
    sockets, tasks = len(request.app.state.door), len(asyncio.all_tasks())
    return JSONResponse({"status": "ok", "sockets": sockets, "tasks": tasks})


async def readyz(request: Request) -> Response:
    """200 while canary frames come back through Kafka and a worker, 503 otherwise."""
    canary = request.app.state.canary
    if not canary.ready:
        return JSONResponse({"ready": False, "why": "no picture came back from a worker lately"}, status_code=503)
    song = canary.last
    return JSONResponse(
        {
            "ready": True,
            "label": song.label,
            "ms": round(song.took_ms, 1),
            "model": song.model,
            "version": song.version,
        }
    )


async def stream(socket: WebSocket) -> None:
    """One browser: its frames in, its labels out."""
    state = socket.app.state
    settings: Settings = state.settings
    if not origin_allowed(socket.headers.get("origin"), socket.headers.get("host", ""), settings.origins):
        await socket.send_denial_response(PlainTextResponse("This page's origin may not connect.", 403))
        return
    with state.door.open_for(socket.client.host if socket.client else "") as let_in:
        if not let_in:
            await socket.send_denial_response(PlainTextResponse("Too many connections: try again later.", 503))
            return
        await socket.accept()
        try:
            token = socket.query_params.get("token")
            session = state.tokens.session(token) if token else state.tokens.new_session()
            pending = read_pending(socket.query_params.get("pending", ""))
        except BadToken as why:
            await refuse(socket, BAD_TOKEN, "bad_token", str(why))
            return
        except BadMessage as why:
            await refuse(socket, PROTOCOL, why.code, str(why))
            return
        hub: Hub = state.hub
        outbox = hub.join(
            session,
            pending,
            socket.query_params.get("model", ""),
            token=state.tokens.sign(session),
            credits=settings.credits,
            max_frame_bytes=settings.max_frame_bytes,
            stats=f"/stats/{session}" if settings.statistics == "on" else "",
        )
        try:
            await until_first_ends(read(socket, hub, session, outbox), write(socket, outbox))
        finally:
            hub.leave(session, outbox)


async def read(socket: WebSocket, hub: Hub, session: str, outbox: Outbox) -> None:
    """Take what a browser sends until it goes or breaks the protocol too often; never waits for the writer.

    Those that send more than their credits are read in gulps, all in the same moment: what came meanwhile costs less
    when it is read at once, only the newest frame of it is of use, and the engine has its cores in between.
    """
    mistakes = 0
    clock = asyncio.get_running_loop().time
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        try:
            if (data := message.get("bytes")) is not None:
                has_room = hub.offer(session, unpack(data), outbox.model)
                if not has_room and (since := clock() % GULP_EVERY_S) > GULP_S:
                    await asyncio.sleep(GULP_EVERY_S - since)
            else:
                word = unpack_word(message.get("text") or "")
                hub.note_offset(session, word.get("offset"))
                outbox.put({"type": "pong", "sent": word["sent"], "server": hub.now_ms()})
        except BadMessage as why:
            mistakes += 1
            if isinstance(why, Flood) or mistakes > MAX_MISTAKES:
                await refuse(socket, POLICY, why.code, str(why))
                return
            outbox.put(error(why.code, str(why)))


async def write(socket: WebSocket, outbox: Outbox) -> None:
    """Send what the outbox holds; a browser that does not read for long is let go."""
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):  # each is a way of having gone
        while True:
            text = await outbox.get()
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await socket.send_text(text)
                if outbox.taken_over:
                    await socket.close(TAKEN_OVER, "this session goes on in another tab or window")
                    return


async def refuse(socket: WebSocket, close_code: int, code: str, message: str) -> None:
    """Say what is wrong, and close."""
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await socket.send_json(error(code, message))
            await socket.close(close_code, message[:120])


async def until_first_ends(*works: Coroutine[Any, Any, None]) -> None:
    """Run ``works`` side by side; when one ends, or is made to, so do the others."""
    async with anyio.create_task_group() as tasks:

        async def end_all_after(work: Coroutine[Any, Any, None]) -> None:
            await work
            tasks.cancel_scope.cancel()

        for work in works:
            tasks.start_soon(end_all_after, work)


def origin_allowed(origin: str | None, host: str, allowed: Sequence[str]) -> bool:
    """Whether a page of ``origin`` may connect: the gateway's own may, those in the settings, and no page at all."""
    return origin is None or origin in allowed or urlsplit(origin).netloc == host


def read_pending(text: str) -> list[int]:
    """The sequence numbers in ``5,6``.

    Raises:
        BadMessage: it is something else.
    """
    numbers = text.split(",") if text else []
    if len(numbers) > MAX_PENDING or not all(
        each.isascii() and each.isdigit() and len(each) < 11 for each in numbers
    ):
        raise BadMessage("bad_pending", f"pending={text[:80]!r} is no list of at most {MAX_PENDING} sequence numbers")
    return [int(each) for each in numbers]
