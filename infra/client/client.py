"""A headless browser: one session on the WebSocket of a gateway, with credits, echoes and reconnects."""

import asyncio
import itertools
import os
import random
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from infra.client.credit_window import CreditWindow
from infra.client.frame_counts import FrameCounts
from infra.client.media_source import MediaFrame, PresentView
from infra.client.trust import tls_failure
from models.networks import View
from streams.contract.clock import now_ms
from streams.contract.outcomes import Outcome
from web.messages import Dropped, GatewayMessage, Labels, ModelInfo, Models, Ping, Pong, Welcome, decode, encode
from web.protocol import CloseCode, Upload, pack, subprotocols

FIRST_WAIT_S = 0.25  # before a reconnect, at most; it doubles with each attempt that fails
LONGEST_WAIT_S = 5.0
PING_EVERY_S = 2.0
CLOSE_S = 1.0  # how long to wait for the other side to close, which may stand still
SILENT_S = 8.0  # a gateway that says nothing for so long, and does not answer, is left, as the page leaves it
FINAL = frozenset(CloseCode) - {CloseCode.TRY_AGAIN_LATER}


class Refused(Exception):
    """The gateway does not serve this client; the message says why."""


@dataclass(frozen=True, slots=True)
class SentFrame:
    """A frame that has no answer yet, and when it was sent, in seconds by the monotonic clock."""

    frame: MediaFrame
    at: float


@dataclass(slots=True)
class ClockOffset:
    """By how many milliseconds the server's clock is ahead, as the ping with the shortest round trip shows it."""

    ms: float | None = None
    round_trip_ms: float = float("inf")

    def update(self, pong: Pong, now: float) -> None:
        """Take one more pong, received at ``now`` (ms): the server answered half-way between ``sent`` and ``now``."""
        if (round_trip_ms := now - pong.sent) < self.round_trip_ms:
            self.round_trip_ms, self.ms = round_trip_ms, pong.server - (now + pong.sent) / 2


@dataclass(slots=True)
class Client:
    """One session: sends the frames that ``source`` makes, as credits and ``fps`` allow.

    ``source`` gets a function that says how frames are to be cut at present: it depends on the model that answers.

    When the connection is lost, or a gateway cannot be reached or takes nobody now, the session goes on at the next
    of ``fallbacks``, and after the last at ``url`` again. They are addresses of gateways of the same stack.

    ``on_answer`` is called with each answered frame, the gateway's message and the round trip in milliseconds, and
    ``on_drop`` with each dropped frame and the message. ``counts`` has the outcomes of all frames.
    """

    url: str  # the WebSocket's address
    source: Callable[[PresentView], AsyncIterator[MediaFrame]]
    model: str = ""
    fps: float | None = None
    heeds_credits: bool = True  # load tests also need clients that send more than they may
    patience_s: float = 8.0  # for the last answers
    trust: ssl.SSLContext | None = None  # for wss; None: the authorities that this machine knows
    clock_ms: Callable[[], float] = now_ms
    on_answer: Callable[[MediaFrame, Labels, float], None] = lambda frame, message, ms: None
    on_drop: Callable[[MediaFrame, Dropped], None] = lambda frame, message: None
    fallbacks: Sequence[str] = ()
    counts: FrameCounts = field(default_factory=FrameCounts)
    session: str = ""
    served: ModelInfo | None = None  # the model that answers
    view: View | None = None  # how frames are cut for it
    offered: list[ModelInfo] = field(default_factory=list)  # all models that are served
    connects: int = 0
    repeated: int = 0  # answers for frames whose outcome was known already
    _token: str = ""
    _seq: int = 0
    _pending: dict[int, SentFrame] = field(default_factory=dict)
    _echoes: list[tuple[int, float]] = field(default_factory=list)
    _window: CreditWindow | None = None
    _offset: ClockOffset = field(default_factory=ClockOffset)
    _socket: ClientConnection | None = None  # set once the gateway has said welcome
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _finished: asyncio.Event = field(default_factory=asyncio.Event)

    def finish(self) -> None:
        """Let ``run`` send no more frames, wait for the last answers, and return."""
        self._finished.set()

    async def run(self, seconds: float | None = None) -> FrameCounts:
        """Send until the source ends, ``finish`` is called or ``seconds`` are over, then wait for the last answers.

        Raises:
            Refused: the gateway does not serve this client.
        """
        connection = asyncio.create_task(self._stay_connected())
        sending = asyncio.create_task(self._send_frames())
        finished = asyncio.create_task(self._finished.wait())
        try:
            tasks = {connection, sending, finished}
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                await sending
            sending.cancel()
            answered = asyncio.create_task(self._until(lambda: not self._pending))
            await asyncio.wait({connection, answered}, timeout=self.patience_s, return_when=asyncio.FIRST_COMPLETED)
            answered.cancel()
            if connection.done():
                await connection
        finally:
            for task in (sending, connection, finished):
                task.cancel()
            await asyncio.gather(sending, connection, finished, return_exceptions=True)
        for _ in self._pending:  # the gateway did not come back to answer these
            self.counts.drop(Outcome.EXPIRED)
        self._pending.clear()
        return self.counts

    async def run_after(self, wait_s: float, seconds: float | None = None) -> FrameCounts:
        """``run`` after ``wait_s``, so that many clients do not all send at the same moment."""
        await asyncio.sleep(wait_s)
        return await self.run(seconds)

    async def _until(self, true: Callable[[], bool]) -> None:
        if true():
            return
        async with self._changed:
            await self._changed.wait_for(true)

    async def _send_frames(self) -> None:
        await self._until(lambda: self.view is not None)
        due = time.monotonic()
        async for frame in self.source(self._present_view):
            await self._until(self._may_send)
            if self.fps:
                due = max(due + 1 / self.fps, time.monotonic())  # a frame that is late is not made up for
                await asyncio.sleep(due - time.monotonic())
                await self._until(self._may_send)
            await self._send(frame)

    def _present_view(self) -> View:
        assert self.view is not None
        return self.view

    def _may_send(self) -> bool:
        if self._socket is None or self._window is None:
            return False
        return not self.heeds_credits or len(self._pending) < self._window.size

    async def _send(self, frame: MediaFrame) -> None:
        self._seq += 1
        self._pending[self._seq] = SentFrame(frame, time.monotonic())
        self.counts.sent += 1
        echoes, self._echoes = tuple(self._echoes), []
        assert self._socket is not None
        # a frame that is lost with its connection stays pending: the next connection asks for its outcome
        with suppress(ConnectionClosed):
            await self._socket.send(pack(Upload(self._seq, self.clock_ms(), frame.jpeg, echoes)))

    async def _stay_connected(self) -> None:
        wait = FIRST_WAIT_S
        addresses = [self.url, *self.fallbacks]
        for tried, url in enumerate(itertools.cycle(addresses), 1):
            try:
                await self._connect(url)
            except InvalidStatus as status:
                # a proxy answers 5xx while a gateway restarts: who was served before comes back
                if status.response.status_code < 500 or not (self.session or tried < len(addresses)):
                    raise Refused(f"{url} answers {http_error(status)}") from status
            except ConnectionClosed as closed:
                is_busy = closed.rcvd is not None and closed.rcvd.code == CloseCode.TRY_AGAIN_LATER
                if closed.rcvd is not None and (
                    closed.rcvd.code in FINAL or (is_busy and not (self.session or tried < len(addresses)))
                ):
                    raise Refused(closed.rcvd.reason) from closed
            except (OSError, WebSocketException, TimeoutError) as error:
                if not self.connects and tried >= len(addresses):
                    why = f"cannot connect to {url} ({reason(error)})"
                    why += ": is the stack up? `sightstream up` starts one"
                    raise Refused(tls_failure(url, error) or why) from error
            finally:
                if self._socket is not None:  # it was welcome
                    wait = FIRST_WAIT_S
                self._socket = None
            await asyncio.sleep(random.uniform(0, wait))  # noqa: S311 - jitter
            if tried % len(addresses) == 0:
                wait = min(LONGEST_WAIT_S, wait * 2)

    async def _connect(self, url: str) -> None:
        """Be connected until the connection ends, which raises."""
        query = {
            "model": self.model,
            "pending": ",".join(map(str, self._pending)),
            "sent": str(self._seq) if self._token else "",
        }
        async with connect(
            f"{url}?{urlencode({key: value for key, value in query.items() if value})}",
            subprotocols=[Subprotocol(each) for each in subprotocols(self._token)],
            compression=None,
            max_size=2**20,
            proxy=None,
            ssl=self.trust if url.startswith("wss:") else None,
            open_timeout=SILENT_S,
            ping_interval=SILENT_S / 2,
            ping_timeout=SILENT_S,
            close_timeout=CLOSE_S,
        ) as socket:
            await self._receive(socket)

    async def _receive(self, socket: ClientConnection) -> None:
        self.connects += 1
        pings = asyncio.create_task(self._ping(socket))
        try:
            async for text in socket:
                self._take(decode(text), socket)
                async with self._changed:
                    self._changed.notify_all()
            raise ConnectionClosed(socket.protocol.close_rcvd, socket.protocol.close_sent)
        finally:
            pings.cancel()

    async def _ping(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                await socket.send(encode(Ping(self.clock_ms(), self._offset.ms)))
                await asyncio.sleep(PING_EVERY_S)

    def _take(self, message: GatewayMessage | None, socket: ClientConnection) -> None:
        match message:
            case Welcome():
                self.session, self._token = message.session, message.token
                self._seq = max(self._seq, message.seq)
                self._window = self._window or CreditWindow(message.credits)
                self._set_served(message)
                self._socket = socket
            case Models():
                self._set_served(message)
            case Labels() if sent := self._pending.pop(message.seq, None):
                round_trip_ms = (time.monotonic() - sent.at) * 1000
                self._echoes.append((message.seq, round_trip_ms))
                if self._window:
                    self._window.answered()
                self.counts.answer(message.labels[0].label, round_trip_ms)
                self.on_answer(sent.frame, message, round_trip_ms)
            case Labels():
                self.repeated += 1
            case Dropped():
                for seq in message.seqs:
                    if sent := self._pending.pop(seq, None):
                        self._drop(sent, message)
            case Pong():
                self._offset.update(message, self.clock_ms())

    def _drop(self, sent: SentFrame, message: Dropped) -> None:
        if message.reason == Outcome.SUPERSEDED and self._window:
            self._window.superseded()
        self.counts.drop(message.reason)
        self.on_drop(sent.frame, message)

    def _set_served(self, message: Welcome | Models) -> None:
        self.served, self.offered = message.model, message.models
        if self.served is not None:
            self.view = View(self.served.input_size, self.served.crop)
        names = [each.name for each in message.models]
        if self.model and names and self.model not in names:
            close = get_close_matches(self.model, names, n=1)
            guess = f"; did you mean {close[0]}?" if close else ""
            raise Refused(f"model {self.model!r} is not served; served are {', '.join(names)}{guess}")


def reason(error: Exception) -> str:
    """Why a connection failed, without the words of Python's event loop."""
    text = str(error) or type(error).__name__
    number = re.search(r"\[Errno (\d+)\]", text)
    return os.strerror(int(number[1])) if number else re.sub(r"^\[Errno -\d+\] ", "", text)


def http_error(status: InvalidStatus) -> str:
    """The HTTP status of a refused handshake, and the beginning of what the server says."""
    body = " ".join((status.response.body or b"").decode(errors="replace").split())
    return f"{status.response.status_code}: {body[:200]}".removesuffix(": ")
