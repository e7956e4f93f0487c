"""The statistics of all sessions, as the table's changelog told them last, within bounds."""

import asyncio
import logging
from collections import OrderedDict

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from streams.contract.settings import Settings
from streams.contract.stats import SessionStats
from streams.contract.topics import SESSIONS

log = logging.getLogger(__name__)

MOST_BYTES = 128 * 2**20
RETRY_S = 0.5
SWEEP_S = 60.0
# statistics are read at leisure: a few records at a time cost a fraction of one at a time
FETCH_WAIT_MS = 300
FETCH_BYTES = 64 * 1024


class StatsStore:
    """Statistics by session, packed as they travel, since few are ever asked for.

    Those that were written longest ago go first when there is no room, and all go when they are ``keep_ms`` old.
    ``complete`` says whether everything that had been written before this gateway's start is here.
    """

    def __init__(self, keep_ms: float, most_bytes: int = MOST_BYTES) -> None:
        self.keep_ms = keep_ms
        self.most_bytes = most_bytes
        self.complete = False
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, session: str, value: bytes | None, written_ms: float) -> None:
        """Take what was written of a session; None where its state is gone."""
        if session in self._entries:
            self._bytes -= len(self._entries.pop(session)[1])
        if value is None:
            return
        self._entries[session] = (written_ms, value)
        self._bytes += len(value)
        while self._bytes > self.most_bytes:
            _, (_, dropped) = self._entries.popitem(last=False)
            self._bytes -= len(dropped)

    def get(self, session: str, now_ms: float) -> SessionStats | None:
        """A session's statistics, unless it is unknown or too old."""
        written_ms, value = self._entries.get(session, (0.0, b""))
        if not value or now_ms - written_ms > self.keep_ms:
            return None
        try:
            return SessionStats.loads(value)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("the statistics of a session cannot be read: %r", error)
            return None

    def sweep(self, now_ms: float) -> None:
        """Let go of what is too old."""
        old = [session for session, (at, _) in self._entries.items() if now_ms - at > self.keep_ms]
        for session in old:
            self.put(session, None, now_ms)


class StatsReader:
    """Keeps an archive up to date from Kafka for as long as it runs."""

    def __init__(self, settings: Settings, archive: StatsStore) -> None:
        self.settings = settings
        self.archive = archive

    async def run(self) -> None:
        """Read until cancelled, coming back by itself whenever Kafka does."""
        while True:
            try:
                await self._read()
            except (KafkaError, OSError) as error:
                log.warning("statistics cannot be read: %s; trying again", error or type(error).__name__)
            await asyncio.sleep(RETRY_S)

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            SESSIONS,
            bootstrap_servers=list(self.settings.broker),
            group_id=None,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_min_bytes=FETCH_BYTES,
        )
        await consumer.start()
        try:
            missing = await consumer.end_offsets(consumer.assignment())
            while True:
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    for record in records:
                        self.archive.put(record.key.decode(errors="replace"), record.value, record.timestamp)
                if missing:
                    missing = {each: end for each, end in missing.items() if await consumer.position(each) < end}
                    self.archive.complete = not missing
        finally:
            await consumer.stop()
