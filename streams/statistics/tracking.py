"""The agent that keeps each session's statistics, and writes them to the table now and then.

Every prediction updates its session's statistics in memory. They are written at most once in ``WRITE_EVERY_S``: the
size of the changelog depends on how many sessions are alive, and not on how many frames they send. Predictions are
acknowledged in order, after everything that they changed is written. After a crash the unacknowledged ones come
again, to this worker or to another one. What was counted already changes nothing.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from faust.types import TP

from streams.app import app, predictions, reject, sessions, set_aside, settings
from streams.contract.canary import is_canary
from streams.contract.clock import now_ms
from streams.contract.kafka.partitions import partition_of
from streams.contract.kafka.rejected import RejectedRecord
from streams.contract.logs import session_shown
from streams.contract.messages import Prediction
from streams.contract.stats import SessionStats
from streams.contract.topics import PREDICTIONS, SESSIONS
from streams.statistics.expiry import Expiry

log = logging.getLogger(__name__)

WRITE_EVERY_S = 0.8
WRITE_AT_ONCE = 16  # sessions; then other tasks may run
IDLE_MS = 60_000.0  # the statistics of a session that is silent for so long are removed from memory
STALLED_S = 3.0  # a worker that stood still for so long may have lost its partitions without knowing it yet
PAUSE_S = 4.0  # by then it knows: that is longer than two heartbeats
SWEEP_EVERY_S = 60.0


class Event(Protocol):
    """What Faust delivers."""

    value: Any
    message: Any

    def ack(self) -> bool: ...


@dataclass(slots=True)
class Unwritten:
    """What was read since the last write: events, and the changed sessions with their partitions."""

    events: list[Event] = field(default_factory=list)
    changed: dict[str, int] = field(default_factory=dict)

    def __add__(self, later: "Unwritten") -> "Unwritten":
        return Unwritten(self.events + later.events, self.changed | later.changed)


class Tracker:
    """The statistics of the sessions of this worker's partitions.

    Args:
        load: a session's statistics as last written, or None.
        write: called with (session, its partition, its statistics) for some sessions; returns when Kafka has them.
        reject: called with the message of a prediction that cannot be counted, and why.
        reject_entry: called with a session, its statistics as last written, and why they cannot be used.
        clock: seconds.
    """

    def __init__(
        self,
        load: Callable[[str], bytes | None],
        write: Callable[[Sequence[tuple[str, int, bytes]]], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
        *,
        reject: Callable[[Any, str], None],
        reject_entry: Callable[[str, bytes, str], None],
    ) -> None:
        self.load = load
        self.write = write
        self.clock = clock
        self.reject = reject
        self.reject_entry = reject_entry
        self._stats: dict[str, SessionStats] = {}
        self._unwritten = Unwritten()
        self._assignment = 0  # counts the assignments of partitions
        self._last_write = clock()
        self._paused_until = 0.0

    def add(self, event: Event) -> None:
        """Count a prediction."""
        prediction: Prediction = event.value
        self._unwritten.events.append(event)
        if is_canary(prediction.session):
            return
        try:
            at = published_ms(event.message.timestamp, now_ms())
            stats = self._stats.get(prediction.session) or self._load(prediction.session, at)
            if stats.add(prediction, at):
                self._unwritten.changed[prediction.session] = event.message.partition
        except Exception as error:  # it concerns this prediction only
            self.reject(event.message, f"it cannot be counted: {error!r}")

    async def write_changes(self) -> None:
        """Write what has changed, then acknowledge the events that changed it."""
        if self._is_paused():
            return
        assignment = self._assignment
        batch, self._unwritten = self._unwritten, Unwritten()
        changed = list(batch.changed.items())
        try:
            for first in range(0, len(changed), WRITE_AT_ONCE):
                some = changed[first : first + WRITE_AT_ONCE]
                await self.write([*self._packed(some)])
                if assignment != self._assignment:
                    return
        except Exception as error:
            log.warning("statistics could not be written: %r; trying again", error)
            if assignment == self._assignment:
                self._unwritten = batch + self._unwritten
            return
        for event in batch.events:
            event.ack()

    def unload_idle(self, now: float) -> None:
        """Remove silent sessions from memory; ``now`` in milliseconds since 1970."""
        idle = [
            session
            for session, stats in self._stats.items()
            if now - stats.last_seen > IDLE_MS and session not in self._unwritten.changed
        ]
        for session in idle:
            del self._stats[session]

    def unload(self, session: str) -> bool:
        """Remove a session from memory; False while changes of it are unwritten."""
        if session in self._unwritten.changed:
            return False
        self._stats.pop(session, None)
        return True

    def reset(self) -> None:
        """Drop everything that is not written: the partitions move, and whoever gets them reads it again."""
        self._assignment += 1
        self._stats.clear()
        self._unwritten = Unwritten()

    def _packed(self, changed: Sequence[tuple[str, int]]) -> Iterator[tuple[str, int, bytes]]:
        """What to write for some sessions. Statistics that cannot be packed start again: no other session waits."""
        for session, partition in changed:
            try:
                packed = self._stats[session].dumps()
            except Exception as error:
                shown = session_shown(session)
                log.warning("the statistics of %r cannot be packed (%r): they start again", shown, error)
                self._stats.pop(session, None)
            else:
                yield session, partition, packed

    def _load(self, session: str, at: float) -> SessionStats:
        stats = SessionStats(session, at, at)
        if written := self.load(session):
            try:
                stats = SessionStats.loads(written)
            except ValueError as error:  # they start again at zero
                self.reject_entry(session, written, str(error))
        self._stats[session] = stats
        return stats

    def _is_paused(self) -> bool:
        now = self.clock()
        if now - self._last_write > STALLED_S:
            self._paused_until = now + PAUSE_S
        self._last_write = now
        return now < self._paused_until


def published_ms(timestamp_s: float | None, now_ms: float) -> float:
    """When a message was published, in milliseconds since 1970: its timestamp if that is a time in the past.

    Kafka's older clients leave it out, and any client can set another one; ``now_ms`` then has to do.
    """
    if timestamp_s is None or not 0 < timestamp_s * 1000 < now_ms:
        return now_ms
    return timestamp_s * 1000


async def write_to_table(entries: Sequence[tuple[str, int, bytes]]) -> None:
    """Write entries of the table outside of a stream, where Faust cannot know their partitions."""
    sent = []
    for session, partition, value in entries:
        sessions.data[session] = value
        sent.append(sessions.send_changelog(partition, session, value))
    await asyncio.gather(*sent)


def reject_entry(session: str, entry: bytes, why: str) -> None:
    """Set aside a session's entry that cannot be read. Its offset in the changelog is not known any more."""
    set_aside.add(RejectedRecord(SESSIONS, partition_of(session, settings.partitions), -1, why, entry))


async def erase(session: str) -> None:
    """Remove a session's entry here, and in the changelog if this worker has its partition."""
    sessions.data.pop(session, None)
    partition = partition_of(session, settings.partitions)
    if TP(PREDICTIONS, partition) in app.consumer.assignment():
        await sessions.send_changelog(partition, session, None, value_serializer="raw")


tracker = Tracker(
    lambda session: sessions.data.get(session), write_to_table, reject=reject, reject_entry=reject_entry
)


async def track(stream: Any) -> None:
    """Every prediction updates its session's statistics."""
    stream = stream.noack()
    async for _ in stream:
        tracker.add(stream.current_event)


async def write_statistics() -> None:
    """Write statistics for as long as the worker lives."""
    while True:
        await asyncio.sleep(WRITE_EVERY_S)
        await tracker.write_changes()
        tracker.unload_idle(now_ms())


async def expire_statistics() -> None:
    """Remove the statistics of sessions that ended long ago."""
    expiry = Expiry(settings.stats_keep_s * 1000, reject_entry)
    while True:
        await asyncio.sleep(min(SWEEP_EVERY_S, settings.stats_keep_s))
        try:
            for session in expiry.due(sessions.data, now_ms()):
                if tracker.unload(session):
                    await erase(session)
        except Exception as error:  # the worker does not end for it: the next sweep tries again
            log.warning("old statistics could not be removed: %r; trying again", error)


async def reset(*_: Any, **__: Any) -> None:
    """Start again from the table whenever partitions move."""
    tracker.reset()


if settings.statistics == "on" and not settings.pool:  # the predictions of all pools are in one topic
    app.agent(predictions)(track)
    app.task(write_statistics)
    app.task(expire_statistics)
    app.on_partitions_revoked.connect(reset)
