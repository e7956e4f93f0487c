"""Topics of Kafka in memory, and a consumer of them as far as the gateway uses one."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndTimestamp


@dataclass
class Topics:
    """The records of each partition. ``consumer`` makes a consumer; ``fails`` is raised by its next poll."""

    partitions: dict[TopicPartition, list[ConsumerRecord]] = field(default_factory=lambda: defaultdict(list))
    fails: KafkaError | None = None
    consumers: int = 0

    def add(self, partition: TopicPartition, key: bytes, value: bytes, at_ms: int = 0) -> None:
        records, headers = self.partitions[partition], ()
        place: Any = (*partition, len(records), at_ms, 0, key, value, None, -1, -1, headers)
        records.append(ConsumerRecord(*place))

    def consumer(self, **_: object) -> "MemoryConsumer":
        self.consumers += 1
        return MemoryConsumer(self)


@dataclass
class MemoryConsumer:
    topics: Topics
    positions: dict[TopicPartition, int] = field(default_factory=dict)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        self.positions = {each: len(self.topics.partitions[each]) for each in partitions}

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self.positions)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.positions[partition] = offset

    async def position(self, partition: TopicPartition) -> int:
        return self.positions[partition]

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {each: len(self.topics.partitions[each]) for each in partitions}

    async def offsets_for_times(
        self, times: dict[TopicPartition, int]
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        found = {}
        for partition, since in times.items():
            records = self.topics.partitions[partition]
            first = next((each.offset for each in records if each.timestamp >= since), None)
            found[partition] = None if first is None else OffsetAndTimestamp(first, since)
        return found

    async def getmany(
        self, timeout_ms: int, max_records: int | None = None
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        await asyncio.sleep(0.001)
        if error := self.topics.fails:
            self.topics.fails = None
            raise error
        found = {}
        for partition, position in self.positions.items():
            if records := self.topics.partitions[partition][position:]:
                self.positions[partition] += len(records)
                found[partition] = records
        return found

    def last_poll_timestamp(self, _: TopicPartition) -> int:
        return 5
