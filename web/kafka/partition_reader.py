"""Reads some partitions of Kafka's topics. Which ones may change at any time."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from streams.contract.kafka import adapt_clients
from streams.contract.kafka.options import connection_options
from streams.contract.settings import Settings

log = logging.getLogger(__name__)

RETRY_S = 0.5
POLL_MS = 200
MOST_AT_ONCE = 500  # records; then other tasks run


class PartitionReader:
    """Calls ``take`` with each record of the wanted partitions, without a consumer group.

    After an error of Kafka it goes on where it stopped.

    Args:
        since_ms: from when on a partition is read that was not wanted before, in milliseconds since 1970; None: from
            its beginning.
        take: called with each record; it raises nothing.
        note_read: called with a topic and the number of bytes in the keys and values of records of it.
        options: further arguments of the consumer.
    """

    def __init__(
        self,
        settings: Settings,
        take: Callable[[ConsumerRecord], None],
        *,
        since_ms: Callable[[], float] | None = None,
        note_read: Callable[[str, int], None] = lambda topic, size: None,
        **options: Any,
    ) -> None:
        self.settings = settings
        self.take = take
        self.since_ms = since_ms
        self.note_read = note_read
        self.options = options
        self._wanted: frozenset[TopicPartition] = frozenset()
        self._some_wanted = asyncio.Event()
        self._next: dict[TopicPartition, int] = {}  # the offset of the next record
        self._missing: dict[TopicPartition, int] = {}  # the end that the partition had when it was new
        self._lookups: dict[TopicPartition, asyncio.Task[None]] = {}
        self._consumer: AIOKafkaConsumer | None = None
        self._read_at: float | None = None

    @property
    def read_at(self) -> float | None:
        """When Kafka last said what is new in every wanted partition, in milliseconds since 1970; None for never."""
        if (consumer := self._consumer) and consumer.assignment() == self._wanted:
            polled = [consumer.last_poll_timestamp(each) for each in self._wanted]
            if polled and all(polled):  # none has been asked for right after a change
                self._read_at = float(min(polled))
        return self._read_at

    def want(self, partitions: Iterable[TopicPartition]) -> None:
        """Read these partitions from now on, and no others."""
        wanted = frozenset(partitions)
        if wanted == self._wanted:
            return
        self._wanted = wanted
        for dropped in self._next.keys() - wanted:
            del self._next[dropped]
            self._missing.pop(dropped, None)
        if wanted:
            self._some_wanted.set()
        if self._consumer:
            self._follow(self._consumer)

    def is_complete(self, partition: TopicPartition) -> bool:
        """Whether all was read that the partition had when it was new."""
        return partition in self._next and partition not in self._missing

    async def run(self) -> None:
        """Read until cancelled."""
        adapt_clients()
        while True:
            try:
                await self._read()
            except (KafkaError, OSError) as error:
                log.warning("Kafka cannot be read: %s; trying again", error or type(error).__name__)
            await asyncio.sleep(RETRY_S)

    async def _read(self) -> None:
        await self._some_wanted.wait()
        consumer = AIOKafkaConsumer(**connection_options(self.settings), group_id=None, **self.options)
        try:
            await consumer.start()
            self._consumer = consumer
            self._follow(consumer)
            while self._wanted:
                await self._poll(consumer)
            self._some_wanted.clear()
        finally:
            self._consumer = None
            for lookup in self._lookups.values():
                lookup.cancel()
            self._lookups.clear()
            await consumer.stop()

    def _follow(self, consumer: AIOKafkaConsumer) -> None:
        """Let the consumer read what is wanted; where a new partition begins is looked up first."""
        known = self._wanted & self._next.keys()
        if known and known != consumer.assignment():
            consumer.assign(list(known))
            for partition in known:
                consumer.seek(partition, self._next[partition])
        for partition in self._wanted - known - self._lookups.keys():
            self._lookups[partition] = asyncio.create_task(self._look_up(consumer, partition))

    async def _look_up(self, consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        while partition in self._wanted:
            try:
                first, end = await asyncio.gather(
                    self._first_offset(consumer, partition), self._end_offset(consumer, partition)
                )
            except KafkaError as error:
                log.warning("%s cannot be read: %s; trying again", partition, error)
                await asyncio.sleep(RETRY_S)
                continue
            self._next[partition] = end if first is None else first
            if self._next[partition] < end:
                self._missing[partition] = end
            break
        del self._lookups[partition]
        self._follow(consumer)

    async def _end_offset(self, consumer: AIOKafkaConsumer, partition: TopicPartition) -> int:
        return int((await consumer.end_offsets([partition]))[partition])

    async def _first_offset(self, consumer: AIOKafkaConsumer, partition: TopicPartition) -> int | None:
        if self.since_ms is None:
            return int((await consumer.beginning_offsets([partition]))[partition])
        found = (await consumer.offsets_for_times({partition: int(self.since_ms())}))[partition]
        return found and int(found.offset)

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=MOST_AT_ONCE)
        for partition, records in fetched.items():
            if partition not in self._next:  # it is no longer wanted
                continue
            for record in records:
                self.take(record)
            self._next[partition] = records[-1].offset + 1
            self.note_read(partition.topic, sum(map(_size, records)))
        if self._missing:
            for partition in self._missing.keys() & consumer.assignment():
                if await consumer.position(partition) >= self._missing.get(partition, 0):
                    self._missing.pop(partition, None)
        if sum(map(len, fetched.values())) >= MOST_AT_ONCE:
            await asyncio.sleep(0)


def _size(record: ConsumerRecord) -> int:
    return len(record.key or b"") + len(record.value or b"")
