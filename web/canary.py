"""Readiness: the gateway is ready while a real picture comes back from a worker with labels."""

import asyncio
import itertools
import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from streams.contract.canary import canary_session
from web import SAMPLES
from web.hub import Hub, Outbox
from web.messages import Dropped, Labels
from web.protocol import Upload
from web.sessions import Flood

PICTURE = SAMPLES / "coffee.jpg"
EVERY_S = 3.0
EVERY_AT_FIRST_S = 0.2


@dataclass(frozen=True, slots=True)
class CanaryResult:
    """The answer to a canary frame: its top label, the model, and the milliseconds it took.

    ``at`` is when it came, in seconds by the canary's clock.
    """

    label: str
    probability: float
    took_ms: float
    model: str
    version: str
    at: float


class Canary:
    """Sends a real picture through the whole pipeline every few seconds, in a session of its own.

    That session lies in one of the gateway's own partitions: when these change, another session may begin.
    The picture is a square, sent as the frame that it is: whatever a model's crop, it shows a cup of coffee.
    """

    def __init__(self, hub: Hub, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.hub = hub
        self.clock = clock
        self.name = name
        self.session = ""
        self.last: CanaryResult | None = None
        self._jpeg = PICTURE.read_bytes()
        self._outbox: Outbox | None = None
        self._seq = 0

    @property
    def ready(self) -> bool:
        """Whether a canary frame was answered lately."""
        return self.silent_s < self._timeout_s + EVERY_S

    @property
    def silent_s(self) -> float:
        """Seconds since the last answer; infinite before the first one."""
        return math.inf if self.last is None else self.clock() - self.last.at

    @property
    def _timeout_s(self) -> float:
        return self.hub.settings.expire_s + 2.0

    async def run(self) -> None:
        """Send one canary frame after the other until cancelled."""
        while True:
            if self.hub.models():  # without a worker the frame would only wait in Kafka
                await self.send_one()
            await asyncio.sleep(EVERY_S if self.ready else EVERY_AT_FIRST_S)

    async def send_one(self) -> None:
        """Send one canary frame, and wait until its outcome is known or the time for it is over."""
        outbox = self._join()
        self._seq += 1
        started = self.clock()
        with suppress(TimeoutError, Flood):  # where sessions may send very little, this limits the canary too
            self.hub.offer(self.session, Upload(self._seq, self.hub.now_ms(), self._jpeg), "")
            async with asyncio.timeout(self._timeout_s):
                message = await self._outcome(outbox, self._seq)
            if isinstance(message, Labels):
                now, top = self.clock(), message.labels[0]
                took_ms = (now - started) * 1000
                self.last = CanaryResult(top.label, top.probability, took_ms, message.model, message.version, at=now)

    def _join(self) -> Outbox:
        partitions = self.hub.partitions
        if self._outbox:
            if partitions.of(self.session) in partitions.own:
                return self._outbox
            self.hub.leave(self.session, self._outbox)
        names = (f"{self.name}-{number}" for number in itertools.count())
        self.session = partitions.new_session(lambda: canary_session(next(names)))
        self._outbox = self.hub.join(self.session, [], "")
        return self._outbox

    async def _outcome(self, outbox: Outbox, seq: int) -> Labels | Dropped:
        while True:
            message = await outbox.get()
            if isinstance(message, Labels | Dropped) and message.seq == seq:
                return message
