"""The WebSocket of one browser: its frames in, its labels out."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from streams.contract.messages import MAX_SEQ
from web.hub import Hub, Outbox
from web.messages import Error, Pong, encode, parse_ping
from web.protocol import SUBPROTOCOL, BadMessage, CloseCode, offered_token, unpack
from web.read_windows import seconds_until_open
from web.security.tokens import BadToken
from web.sessions import Flood, TakenOver
from web.state import gateway_state

MAX_MISTAKES = 16
MAX_PENDING = 64
SEND_TIMEOUT_S = 10.0
TOO_MANY = "Too many connections are open, in all or from this address: try again later."
BAD_ORIGIN = (
    "Pages of {:.60} may not connect. If you opened this page through a proxy, the gateway's log says what to set."
)


async def stream(socket: WebSocket) -> None:
    """One browser: its frames in, its labels out."""
    state = gateway_state(socket)
    offered = socket.scope["subprotocols"]
    # a refused socket is accepted and then closed: a browser tells its page a reason only when a socket is closed
    await socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
    origin, host = socket.headers.get("origin"), socket.headers.get("host", "")
    if not state.origins.allows(origin, host, secure=socket.scope.get("scheme") == "wss"):
        await refuse(socket, CloseCode.BAD_ORIGIN, "bad_origin", BAD_ORIGIN.format(origin))
        return
    with state.connection_limit.connect(socket.client.host if socket.client else "") as allowed:
        if not allowed:
            await refuse(socket, CloseCode.TRY_AGAIN_LATER, "too_many", TOO_MANY)
            return
        if "token" in socket.query_params:
            why = "this page is older than the server: reload it"
            await refuse(socket, CloseCode.BAD_REQUEST, "old_page", why)
            return
        try:
            token = offered_token(offered)
            session = (
                state.tokens.session(token) if token else state.hub.partitions.new_session(state.tokens.new_session)
            )
            pending = read_numbers("pending", socket.query_params.get("pending", ""))
            sent = max(read_numbers("sent", socket.query_params.get("sent", "")), default=0)
        except BadToken as why:
            await refuse(socket, CloseCode.BAD_TOKEN, "bad_token", str(why))
            return
        except BadMessage as why:
            await refuse(socket, CloseCode.BAD_REQUEST, why.code, str(why))
            return
        hub = state.hub
        model = socket.query_params.get("model", "")
        outbox = hub.join(session, pending, model, state.tokens.sign(session), sent)
        try:
            await until_first_ends(read(socket, hub, session, outbox), write(socket, outbox))
        finally:
            hub.leave(session, outbox)


async def read(socket: WebSocket, hub: Hub, session: str, outbox: Outbox) -> None:
    """Take a browser's messages until it leaves or breaks the protocol too often; never waits for the writer.

    A browser that sends more than its credits allow is read only now and then, see ``read_windows``.
    """
    mistakes = 0
    clock = asyncio.get_running_loop().time
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        if outbox.taken_over:
            continue
        try:
            if (data := message.get("bytes")) is not None:
                has_room = hub.offer(session, unpack(data), outbox.model)
                if not has_room and (wait_s := seconds_until_open(clock())):
                    await asyncio.sleep(wait_s)
            else:
                ping = parse_ping(message.get("text") or "")
                hub.note_offset(session, ping.offset)
                outbox.put(Pong(ping.sent, hub.now_ms()))
        except TakenOver:
            continue  # the writer says so
        except BadMessage as error:
            mistakes += 1
            if isinstance(error, Flood) or mistakes > MAX_MISTAKES:
                await refuse(socket, CloseCode.POLICY_VIOLATION, error.code, str(error))
                return
            outbox.put(Error(error.code, str(error)))


async def write(socket: WebSocket, outbox: Outbox) -> None:
    """Send what the outbox holds; stop when the browser does not read for 10 s."""
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):  # what is raised when a browser has gone
        while True:
            text = encode(await outbox.get())
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await socket.send_text(text)
                if outbox.taken_over:
                    await socket.close(CloseCode.TAKEN_OVER, "this session goes on in another tab or window")
                    return


async def refuse(socket: WebSocket, close_code: CloseCode, code: str, message: str) -> None:
    """Send an error and close the socket."""
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await socket.send_text(encode(Error(code, message)))
            await socket.close(
                close_code, message.encode()[:123].decode(errors="ignore")
            )  # a reason has no more bytes


async def until_first_ends(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run ``coroutines`` concurrently; when one ends, the others are cancelled."""
    async with anyio.create_task_group() as tasks:

        async def run_and_cancel_others(coroutine: Coroutine[Any, Any, None]) -> None:
            await coroutine
            tasks.cancel_scope.cancel()

        for each in coroutines:
            tasks.start_soon(run_and_cancel_others, each)


def read_numbers(name: str, text: str) -> list[int]:
    """The sequence numbers in a parameter of the query, a list such as ``5,6``.

    Raises:
        BadMessage: the text is something else.
    """
    numbers = text.split(",") if text else []
    if len(numbers) > MAX_PENDING or not all(
        each.isascii() and each.isdigit() and len(each) < 11 and int(each) <= MAX_SEQ for each in numbers
    ):
        raise BadMessage(f"bad_{name}", f"{name}={text[:80]!r} is no list of at most {MAX_PENDING} sequence numbers")
    return [int(each) for each in numbers]
