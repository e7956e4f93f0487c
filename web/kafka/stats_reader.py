"""Reads statistics of sessions from the changelog topic of the workers' table, while somebody looks at them."""

import asyncio
import time
from collections.abc import Callable

from aiokafka import ConsumerRecord, TopicPartition

from streams.contract.codec import bad_envelope
from streams.contract.kafka.rejected import RejectedRecord
from streams.contract.settings import Settings
from streams.contract.topics import SESSIONS
from web.kafka.partition_reader import PartitionReader
from web.kafka.stats_store import StatsStore

KEEP_S = 60.0  # a partition is read for so long after somebody looked at a session of it
LOOK_S = 5.0  # between two looks for partitions that are read no longer
WAIT_S = 2.0  # for what a partition has when it begins to be read
STEP_S = 0.02
# statistics may arrive late: larger fetches cost a fraction of one fetch for each record
FETCH_WAIT_MS = 300
FETCH_BYTES = 64 * 1024


class StatsReader:
    """Copies statistics from Kafka to a store: whole partitions, those with sessions whose statistics are asked for.

    So any gateway shows any session's statistics, and reads none while nobody looks. A record that cannot be used is
    passed to ``on_rejected``; ``partition_of`` says where a session is, ``clock`` is in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        store: StatsStore,
        partition_of: Callable[[str], int],
        on_rejected: Callable[[RejectedRecord], None] = lambda _: None,
        note_read: Callable[[str, int], None] = lambda topic, size: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.partition_of = partition_of
        self.on_rejected = on_rejected
        self.clock = clock
        self._asked_at: dict[int, float] = {}  # by partition
        self._reader = PartitionReader(
            settings,
            self.take,
            note_read=note_read,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_min_bytes=FETCH_BYTES,
        )

    @property
    def read_at(self) -> float | None:
        """When Kafka last said what is new, in milliseconds since 1970; None for never."""
        return self._reader.read_at

    @property
    def partitions(self) -> set[int]:
        """Those that are read now."""
        return set(self._asked_at)

    def is_complete(self, session: str) -> bool:
        """Whether all statistics are here that a session's partition had when it began to be read."""
        return self._reader.is_complete(TopicPartition(SESSIONS, self.partition_of(session)))

    async def ask(self, session: str) -> bool:
        """Read a session's partition from now on; wait a little until it is complete, and return whether it is."""
        self._asked_at[self.partition_of(session)] = self.clock()
        self._follow()
        end = self.clock() + WAIT_S
        while not self.is_complete(session) and self.clock() < end:
            await asyncio.sleep(STEP_S)
        return self.is_complete(session)

    async def run(self) -> None:
        """Read until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._reader.run())
            tasks.create_task(self._forget())

    def take(self, record: ConsumerRecord) -> None:
        """Put a record into the store; whatever it is, nothing is raised."""
        try:
            if not record.key:
                raise ValueError("there is no key")
            if record.value is not None and (why := bad_envelope(record.value)):
                raise ValueError(why)
            self.store.put(record.key.decode(), record.value, record.timestamp or 0, record.partition)
        except Exception as error:  # it concerns this record only
            self.on_rejected(RejectedRecord(record.topic, record.partition, record.offset, str(error)))

    def sweep(self) -> None:
        """Read no longer what nobody has asked for lately."""
        for partition in [each for each, at in self._asked_at.items() if self.clock() - at > KEEP_S]:
            del self._asked_at[partition]
            self._follow()
            self.store.forget(partition)

    async def _forget(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self.sweep()

    def _follow(self) -> None:
        self._reader.want([TopicPartition(SESSIONS, each) for each in self._asked_at])
