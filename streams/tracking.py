"""``track``: what became of the frames, counted for each session, and written to the table now and then.

A session's statistics are brought up to date in memory with every prediction and written at most once in
``WRITE_EVERY_S``, so that what goes to the changelog depends on how many sessions are alive and not on how many
frames they send. Predictions are acknowledged, in their order, once all that they changed has been written: after a
crash the others come again, to this worker or another one, and what was counted already changes nothing.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiokafka.partitioner import DefaultPartitioner
from faust.types import TP

from streams.app import app, predictions, sessions, settings
from streams.contract.canary import is_canary
from streams.contract.logs import about
from streams.contract.messages import Prediction
from streams.contract.stats import SessionStats
from streams.contract.topics import PREDICTIONS
from streams.expiry import Expiry

log = logging.getLogger(__name__)

WRITE_EVERY_S = 0.8
AT_ONCE = 16  # sessions; then other work gets its turn
IDLE_MS = 60_000.0  # the statistics of a session that has been silent so long are loaded again when it goes on
STALLED_S = 3.0  # a worker that stood still so long may have lost its partitions and not know it yet
SWEEP_EVERY_S = 60.0
CAUTIOUS_S = 4.0  # it knows after the next heartbeats


class Event(Protocol):
    """What Faust delivers."""

    value: Any
    message: Any

    def ack(self) -> bool: ...


@dataclass(slots=True)
class Round:
    """What was read since the last time that all was written: events, and the partitions of changed sessions."""

    events: list[Event] = field(default_factory=list)
    changed: dict[str, int] = field(default_factory=dict)

    def __add__(self, later: "Round") -> "Round":
        return Round(self.events + later.events, self.changed | later.changed)


class Tracker:
    """Statistics between two writes.

    Args:
        load: a session's statistics as last written, or None.
        write: called with (session, its partition, its statistics) for some sessions; returns when Kafka has them.
    """

    def __init__(
        self,
        load: Callable[[str], bytes | None],
        write: Callable[[Sequence[tuple[str, int, bytes]]], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.load = load
        self.write = write
        self.clock = clock
        self._open: dict[str, SessionStats] = {}
        self._round = Round()
        self._generation = 0
        self._last_turn = clock()
        self._cautious_until = 0.0

    def take(self, event: Event) -> None:
        """Count a prediction."""
        prediction: Prediction = event.value
        self._round.events.append(event)
        if is_canary(prediction.session):
            return
        at = event.message.timestamp * 1000
        try:
            stats = self._open.get(prediction.session) or self._opened(prediction.session, at)
            if stats.add(prediction, at):
                self._round.changed[prediction.session] = event.message.partition
        except (TypeError, ValueError, AttributeError) as error:  # nobody of ours sends such a thing
            why = "a prediction for %r that cannot be counted: %r"
            log.warning(why, prediction.session, error, extra=about(prediction))

    async def settle(self) -> None:
        """Write what has changed, then acknowledge the events that changed it."""
        if self._is_cautious():
            return
        generation = self._generation
        done, self._round = self._round, Round()
        changed = list(done.changed.items())
        try:
            for first in range(0, len(changed), AT_ONCE):
                some = changed[first : first + AT_ONCE]
                await self.write([(each, partition, self._open[each].dumps()) for each, partition in some])
                if generation != self._generation:
                    return
        except Exception as error:
            log.warning("statistics could not be written: %r; trying again", error)
            if generation == self._generation:
                self._round = done + self._round
            return
        for event in done.events:
            event.ack()

    def close_idle(self, now_ms: float) -> None:
        """Let go of the sessions that have fallen silent."""
        idle = [
            session
            for session, stats in self._open.items()
            if now_ms - stats.last_seen > IDLE_MS and session not in self._round.changed
        ]
        for session in idle:
            del self._open[session]

    def close(self, session: str) -> bool:
        """Let go of a session; False where there is something of it yet to write."""
        if session in self._round.changed:
            return False
        self._open.pop(session, None)
        return True

    def forget(self) -> None:
        """Drop what is not written: the partitions go elsewhere, or come back and are read again from there on."""
        self._generation += 1
        self._open.clear()
        self._round = Round()

    def _opened(self, session: str, at: float) -> SessionStats:
        stats = SessionStats(session, at, at)
        if written := self.load(session):
            try:
                stats = SessionStats.loads(written)
            except (ValueError, KeyError, TypeError) as error:
                log.warning("the statistics of %s cannot be read (%r): they begin anew", session, error)
        self._open[session] = stats
        return stats

    def _is_cautious(self) -> bool:
        now = self.clock()
        if now - self._last_turn > STALLED_S:
            self._cautious_until = now + CAUTIOUS_S
        self._last_turn = now
        return now < self._cautious_until


async def write_to_table(entries: Sequence[tuple[str, int, bytes]]) -> None:
    """Set entries of the table from outside of a stream, where Faust cannot tell their partitions by itself."""
    sent = []
    for session, partition, value in entries:
        sessions.data[session] = value
        sent.append(sessions.send_changelog(partition, session, value))
    await asyncio.gather(*sent)


async def erase(session: str) -> None:
    """Remove a session's entry of the table, here and, where its partition is this worker's, everywhere."""
    sessions.data.pop(session, None)
    partitions = list(range(settings.partitions))
    partition = DefaultPartitioner()(session.encode(), partitions, partitions)
    if TP(PREDICTIONS, partition) in app.consumer.assignment():
        await sessions.send_changelog(partition, session, None, value_serializer="raw")


tracker = Tracker(lambda session: sessions.data.get(session), write_to_table)


async def track(stream: Any) -> None:
    """Every prediction brings its session's statistics up to date."""
    stream = stream.noack()
    async for _ in stream:
        tracker.take(stream.current_event)


async def write_statistics() -> None:
    """Write statistics for as long as the worker lives."""
    while True:
        await asyncio.sleep(WRITE_EVERY_S)
        await tracker.settle()
        tracker.close_idle(time.time() * 1000)


async def expire_statistics() -> None:
    """Let go of the sessions that ended long ago."""
    expiry = Expiry(settings.stats_keep_s * 1000)
    while True:
        await asyncio.sleep(min(SWEEP_EVERY_S, settings.stats_keep_s))
        for session in expiry.due(sessions.data, time.time() * 1000):
            if tracker.close(session):
                await erase(session)


async def forget(*_: Any, **__: Any) -> None:
    """Start afresh from the table whenever partitions move."""
    tracker.forget()


if settings.statistics == "on":
    app.agent(predictions)(track)
    app.task(write_statistics)
    app.task(expire_statistics)
    app.on_partitions_revoked.connect(forget)
