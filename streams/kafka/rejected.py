"""Sets records aside that a worker cannot use, so that the stream goes on."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from streams.contract.kafka.rejected import RejectedRecord

log = logging.getLogger(__name__)

MAX_WAITING = 256  # records that wait to be sent; a flood beyond that is only counted
LOG_EVERY_S = 1.0


class SetAside:
    """Counts unusable records, logs at most one a second, and sends them to a topic of their own.

    ``add`` returns at once and raises nothing, whatever the record is and whatever Kafka does: what cannot be sent is
    only counted and logged.

    Args:
        send: sends one record.
        count: counts a record of this topic.
        clock: seconds.
    """

    def __init__(
        self,
        send: Callable[[RejectedRecord], Awaitable[object]],
        count: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.send = send
        self.count = count
        self.clock = clock
        self._waiting: set[asyncio.Task[None]] = set()
        self._logged_at = -LOG_EVERY_S
        self._unlogged = 0
        self._failure_logged_at = -LOG_EVERY_S

    def add(self, record: RejectedRecord) -> None:
        """Set a record aside."""
        try:
            self.count(record.topic)
            self._log(record)
            if len(self._waiting) < MAX_WAITING:
                task = asyncio.get_running_loop().create_task(self._send(record))
                self._waiting.add(task)
                task.add_done_callback(self._waiting.discard)
        except Exception as error:
            log.warning("a record of %s was not set aside: %r", record.topic, error)

    def _log(self, record: RejectedRecord) -> None:
        now = self.clock()
        if now - self._logged_at < LOG_EVERY_S:
            self._unlogged += 1
            return
        more = f"; {self._unlogged} more since the last line" if self._unlogged else ""
        log.warning("rejected %s%s", record, more)
        self._logged_at, self._unlogged = now, 0

    async def _send(self, record: RejectedRecord) -> None:
        try:
            await self.send(record)
        except Exception as error:
            now = self.clock()
            if now - self._failure_logged_at >= LOG_EVERY_S:
                log.warning("a record of %s could not be set aside: %r", record.topic, error)
                self._failure_logged_at = now
