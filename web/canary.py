"""Readiness as the only proof of it: a real picture has just come back with a label."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from streams.contract.canary import canary_session
from web import SAMPLES
from web.hub import Hub, Outbox
from web.protocol import Upload
from web.sessions import Flood

PICTURE = SAMPLES / "coffee.jpg"
EVERY_S = 3.0
EVERY_AT_FIRST_S = 0.2


@dataclass(frozen=True, slots=True)
class CanaryResult:
    """What the last canary frame brought back: its top label, and the milliseconds it took."""

    label: str
    probability: float
    took_ms: float
    model: str
    version: str
    heard: float  # by the canary's clock, in seconds


class Canary:
    """Sends a real picture through the whole path every few seconds, as a session of its own."""

    def __init__(self, hub: Hub, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.hub = hub
        self.clock = clock
        self.session = canary_session(name)
        self.last: CanaryResult | None = None
        self._jpeg = PICTURE.read_bytes()
        self._outbox: Outbox | None = None
        self._seq = 0

    @property
    def ready(self) -> bool:
        """Whether a canary came back lately."""
        return self.last is not None and self.clock() - self.last.heard < self._patience_s + EVERY_S

    @property
    def _patience_s(self) -> float:
        return self.hub.settings.expire_s + 2.0

    async def run(self) -> None:
        """Send one canary after the other until cancelled."""
        while True:
            if self.hub.models():  # without a worker it would only wait in Kafka
                await self.sing()
            await asyncio.sleep(EVERY_S if self.ready else EVERY_AT_FIRST_S)

    async def sing(self) -> None:
        """Send one canary, and wait until its fate is known or it is given up."""
        self._outbox = self._outbox or self.hub.join(self.session, [], "")
        self._seq += 1
        started = self.clock()
        with suppress(TimeoutError, Flood):  # where a session may send very little, so may a canary
            self.hub.offer(self.session, Upload(self._seq, self.hub.now_ms(), self._jpeg), "")
            async with asyncio.timeout(self._patience_s):
                await self._hear(self._outbox, self._seq, started)

    async def _hear(self, outbox: Outbox, seq: int, started: float) -> None:
        while True:
            message = json.loads(await outbox.get())
            if message.get("seq") == seq and message["type"] in ("labels", "dropped"):
                break
        if message["type"] == "labels":
            now = self.clock()
            top = message["labels"][0]
            self.last = CanaryResult(
                top["label"], top["probability"], (now - started) * 1000, message["model"], message["version"], now
            )
