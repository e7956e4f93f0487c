"""The statistics of all sessions, read from the changelog topic of the workers' table."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError

from streams.contract.codec import bad_envelope
from streams.contract.kafka import adapt_clients
from streams.contract.kafka.options import connection_options
from streams.contract.kafka.rejected import RejectedRecord
from streams.contract.settings import Settings
from streams.contract.stats import SessionStats
from streams.contract.topics import SESSIONS

log = logging.getLogger(__name__)

MAX_BYTES = 128 * 2**20
RETRY_S = 0.5
# statistics may arrive late: larger fetches cost a fraction of one fetch for each record
FETCH_WAIT_MS = 300
POLL_MS = 200  # a page says within two seconds that Kafka does not answer
FETCH_BYTES = 64 * 1024


class StatsStore:
    """The newest statistics of each session, still encoded, because few of them are ever read.

    When there is no room, those that were written longest ago are removed first. All are removed when they are
    ``keep_ms`` old. ``complete`` is whether all that had been written before this gateway's start is here.
    ``read_at`` is when Kafka last said what is new, in milliseconds since 1970; None before the first time.
    """

    def __init__(self, keep_ms: float, max_bytes: int = MAX_BYTES) -> None:
        self.keep_ms = keep_ms
        self.max_bytes = max_bytes
        self.complete = False
        self.read_at: float | None = None
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()  # when written, and what
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, session: str, value: bytes | None, written_ms: float) -> None:
        """Replace a session's statistics; None removes them."""
        if session in self._entries:
            self._bytes -= len(self._entries.pop(session)[1])
        if value is None:
            return
        self._entries[session] = (written_ms, value)
        self._bytes += len(value)
        while self._bytes > self.max_bytes:
            _, (_, removed) = self._entries.popitem(last=False)
            self._bytes -= len(removed)

    def get(self, session: str, now_ms: float) -> SessionStats | None:
        """A session's statistics; None if they are missing, too old or unreadable."""
        written_ms, value = self._entries.get(session, (0.0, b""))
        if not value or now_ms - written_ms > self.keep_ms:
            return None
        try:
            return SessionStats.loads(value)
        except ValueError as error:
            log.warning("the statistics of a session cannot be read: %r", error)
            return None

    def sweep(self, now_ms: float) -> None:
        """Remove what is too old."""
        old = [session for session, (at, _) in self._entries.items() if now_ms - at > self.keep_ms]
        for session in old:
            self.put(session, None, now_ms)


class StatsReader:
    """Copies statistics from Kafka to a store, once ``usable`` is set.

    A record that cannot be used is passed to ``on_rejected``.
    """

    def __init__(
        self,
        settings: Settings,
        store: StatsStore,
        on_rejected: Callable[[RejectedRecord], None] = lambda _: None,
        usable: asyncio.Event | None = None,
    ) -> None:
        self.settings = settings
        self.store = store
        self.on_rejected = on_rejected
        self.usable = usable

    async def run(self) -> None:
        """Read until cancelled. After an error of Kafka, read everything again."""
        adapt_clients()
        if self.usable:
            await self.usable.wait()
        while True:
            try:
                await self._read()
            except (KafkaError, OSError) as error:
                log.warning("statistics cannot be read: %s; trying again", error or type(error).__name__)
            await asyncio.sleep(RETRY_S)

    def take(self, record: ConsumerRecord) -> None:
        """Put a record into the store; whatever it is, nothing is raised."""
        try:
            if not record.key:
                raise ValueError("there is no key")
            if record.value is not None and (why := bad_envelope(record.value)):
                raise ValueError(why)
            self.store.put(record.key.decode(), record.value, record.timestamp or 0)
        except Exception as error:  # it concerns this record only
            self.on_rejected(RejectedRecord(record.topic, record.partition, record.offset, str(error)))

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            SESSIONS,
            **connection_options(self.settings),
            group_id=None,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_min_bytes=FETCH_BYTES,
        )
        try:
            await consumer.start()
            missing = await consumer.end_offsets(consumer.assignment())
            while True:
                for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                    for record in records:
                        self.take(record)
                polled = [consumer.last_poll_timestamp(each) for each in consumer.assignment()]
                if all(polled):  # Kafka has answered for each partition
                    self.store.read_at = float(min(polled))
                if missing:
                    missing = {each: end for each, end in missing.items() if await consumer.position(each) < end}
                    self.store.complete = not missing
        finally:
            await consumer.stop()
