"""A headless browser: one session on the gateway's WebSocket, with credits, echoes and reconnects."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from infra.client.credit_window import CreditWindow
from infra.client.frame_counts import FrameCounts
from infra.client.media_source import Shot
from streams.contract.outcomes import Outcome
from web.protocol import Upload, pack

FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 5.0
PING_EVERY_S = 2.0
FINAL = {1008, 4400, 4401, 4409}  # close codes after which coming back would not help


class Refused(Exception):
    """The gateway does not want this client; the message says why."""


@dataclass(slots=True)
class Sent:
    """A frame that has no answer yet."""

    shot: Shot
    at: float  # by the monotonic clock


@dataclass(slots=True)
class Client:
    """One session: sends the shots that ``source`` makes for the model's input size, as credits and ``fps`` allow.

    ``on_answer`` is called with each answered shot, the gateway's message and the round trip in milliseconds,
    ``on_drop`` with each dropped shot and the message; ``tally`` keeps the account.
    """

    url: str
    source: Callable[[int], AsyncIterator[Shot]]
    model: str = ""
    fps: float | None = None
    heeds_credits: bool = True  # a client that does not is a rude one, made for trials
    patience_s: float = 8.0  # for the last answers
    clock_ms: Callable[[], float] = lambda: time.time() * 1000
    on_answer: Callable[[Shot, dict[str, Any], float], None] = lambda shot, message, ms: None
    on_drop: Callable[[Shot, dict[str, Any]], None] = lambda shot, message: None
    tally: FrameCounts = field(default_factory=FrameCounts)
    session: str = ""
    served: dict[str, Any] | None = None  # the model that answers: name, version, input_size
    offered: list[dict[str, Any]] = field(default_factory=list)  # all that are served
    connects: int = 0
    _token: str = ""
    _seq: int = 0
    _pending: dict[int, Sent] = field(default_factory=dict)
    _echoes: list[tuple[int, float]] = field(default_factory=list)
    _window: CreditWindow | None = None
    _offset: float | None = None
    _best_ping_ms: float = float("inf")
    _socket: ClientConnection | None = None
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _enough: asyncio.Event = field(default_factory=asyncio.Event)

    def finish(self) -> None:
        """Let ``run`` send nothing more and end in order."""
        self._enough.set()

    async def run(self, seconds: float | None = None) -> FrameCounts:
        """Send until the shots end, ``finish`` is called or ``seconds`` are over, then wait for the last answers.

        Raises:
            Refused: the gateway will not serve this client.
        """
        link = asyncio.create_task(self._stay_connected())
        feed = asyncio.create_task(self._feed())
        enough = asyncio.create_task(self._enough.wait())
        try:
            await asyncio.wait({link, feed, enough}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if feed.done():
                await feed
            feed.cancel()
            calm = asyncio.create_task(self._until(lambda: not self._pending))
            await asyncio.wait({link, calm}, timeout=self.patience_s, return_when=asyncio.FIRST_COMPLETED)
            calm.cancel()
            if link.done():
                await link
        finally:
            for task in (feed, link, enough):
                task.cancel()
            await asyncio.gather(feed, link, enough, return_exceptions=True)
        for _ in self._pending:  # a gateway that never came back cannot answer
            self.tally.drop(Outcome.EXPIRED)
        self._pending.clear()
        return self.tally

    async def run_after(self, wait_s: float, seconds: float | None = None) -> FrameCounts:
        """``run`` a little later: not all sessions of this world send in the same moment."""
        await asyncio.sleep(wait_s)
        return await self.run(seconds)

    async def _until(self, true: Callable[[], bool]) -> None:
        if true():
            return
        async with self._changed:
            await self._changed.wait_for(true)

    async def _feed(self) -> None:
        await self._until(lambda: self.served is not None)
        assert self.served is not None
        due = time.monotonic()
        async for shot in self.source(self.served["input_size"]):
            await self._until(self._may_send)
            if self.fps:
                # a shot that could not be sent when it was due is not made up for
                due = max(due + 1 / self.fps, time.monotonic())
                await asyncio.sleep(due - time.monotonic())
                await self._until(self._may_send)
            await self._send(shot)

    def _may_send(self) -> bool:
        if self._socket is None or self._window is None:
            return False
        return not self.heeds_credits or len(self._pending) < self._window.size

    async def _send(self, shot: Shot) -> None:
        self._seq += 1
        self._pending[self._seq] = Sent(shot, time.monotonic())
        self.tally.sent += 1
        echoes, self._echoes = tuple(self._echoes), []
        assert self._socket is not None
        # a frame lost with its connection is asked for by its number when the client is back
        with suppress(ConnectionClosed):
            await self._socket.send(pack(Upload(self._seq, self.clock_ms(), shot.jpeg, echoes)))

    async def _stay_connected(self) -> None:
        wait = FIRST_WAIT_S
        while True:
            query = {"model": self.model, "token": self._token, "pending": ",".join(map(str, self._pending))}
            address = f"{self.url}?{urlencode({key: value for key, value in query.items() if value})}"
            try:
                async with connect(address, compression=None, max_size=2**20, proxy=None) as socket:
                    wait = FIRST_WAIT_S
                    await self._listen(socket)
            except InvalidStatus as status:
                if status.response.status_code == 403:
                    raise Refused(status.response.body.decode(errors="replace")) from status
            except ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd.code in FINAL:
                    raise Refused(closed.rcvd.reason) from closed
            except (OSError, WebSocketException, TimeoutError) as error:
                if not self.connects:
                    why = f"cannot connect to {self.url} ({error}): is the stack up? `sightstream up` starts one"
                    raise Refused(why) from error
            finally:
                self._socket = None
            await asyncio.sleep(random.uniform(0, wait))  # noqa: S311 - jitter
            wait = min(LONGEST_WAIT_S, wait * 2)

    async def _listen(self, socket: ClientConnection) -> None:
        self.connects += 1
        ping = asyncio.create_task(self._ping(socket))
        try:
            async for text in socket:
                self._hear(json.loads(text), socket)
                async with self._changed:
                    self._changed.notify_all()
            raise ConnectionClosed(socket.protocol.close_rcvd, socket.protocol.close_sent)
        finally:
            ping.cancel()

    async def _ping(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                await socket.send(json.dumps({"type": "ping", "sent": self.clock_ms(), "offset": self._offset}))
                await asyncio.sleep(PING_EVERY_S)

    def _hear(self, message: dict[str, Any], socket: ClientConnection) -> None:
        match message["type"]:
            case "welcome":
                self.session, self._token = message["session"], message["token"]
                self._seq = max(self._seq, message["seq"])
                self._window = self._window or CreditWindow(message["credits"])
                self._note_served(message)
                self._socket = socket
            case "models":
                self._note_served(message)
            case "labels" if sent := self._pending.pop(message["seq"], None):
                round_trip = (time.monotonic() - sent.at) * 1000
                self._echoes.append((message["seq"], round_trip))
                self._window.answered() if self._window else None
                self.tally.answer(message["labels"][0]["label"], round_trip)
                self.on_answer(sent.shot, message, round_trip)
            case "dropped":
                for seq in (message["seq"], *message.get("also", ())):
                    if sent := self._pending.pop(seq, None):
                        self._dropped(sent, message)
            case "pong":
                now = self.clock_ms()
                if (took := now - message["sent"]) < self._best_ping_ms:
                    self._best_ping_ms, self._offset = took, message["server"] - (now + message["sent"]) / 2

    def _dropped(self, sent: Sent, message: dict[str, Any]) -> None:
        if message["reason"] == Outcome.SUPERSEDED and self._window:
            self._window.superseded()
        self.tally.drop(message["reason"])
        self.on_drop(sent.shot, message)

    def _note_served(self, message: dict[str, Any]) -> None:
        self.served, self.offered = message["model"], message["models"]
        names = [each["name"] for each in message["models"]]
        if self.model and names and self.model not in names:
            raise Refused(f"model {self.model!r} is not served; served are {', '.join(names)}")
