"""Partitions that are read, and how that changes, without Kafka."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from streams.contract.settings import Settings
from tests.fakes.topics import Topics
from web.kafka.partition_reader import PartitionReader

ONE, OTHER = TopicPartition("t", 1), TopicPartition("t", 2)


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> Topics:
    made = Topics()
    monkeypatch.setattr("web.kafka.partition_reader.AIOKafkaConsumer", made.consumer)
    monkeypatch.setattr("web.kafka.partition_reader.RETRY_S", 0.001)
    return made


@asynccontextmanager
async def reading(
    since_ms: Callable[[], float] | None = None,
) -> AsyncIterator[tuple[PartitionReader, list[str], list[int]]]:
    """A reader that runs, the values that it has read, and the sizes of what it read."""
    values: list[str] = []
    sizes: list[int] = []
    reader = PartitionReader(
        Settings(),
        lambda record: values.append(record.value.decode()),
        since_ms=since_ms,
        note_read=lambda topic, size: sizes.append(size),
    )
    running = asyncio.create_task(reader.run())
    try:
        yield reader, values, sizes
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.001)


async def test_a_partition_is_read_from_some_time_ago_and_goes_on(topics: Topics) -> None:
    for number in range(5):
        topics.add(ONE, b"k", b"%d" % number, at_ms=number * 10)
        topics.add(OTHER, b"k", b"never wanted")
    async with reading(since_ms=lambda: 25.0) as (reader, values, sizes):
        reader.want([ONE])
        await until(lambda: reader.is_complete(ONE))
        topics.add(ONE, b"k", b"new")
        await until(lambda: len(values) == 3)
        assert values == ["3", "4", "new"]
        assert sum(sizes) == 2 + 2 + 4
        assert reader.read_at == 5


async def test_a_partition_that_is_added_is_read_from_before_and_the_others_lose_and_repeat_nothing(
    topics: Topics,
) -> None:
    topics.add(OTHER, b"k", b"before")
    async with reading(since_ms=lambda: 0.0) as (reader, values, _):
        reader.want([ONE])
        for number in range(30):
            topics.add(ONE, b"k", b"%d" % number)
            if number == 10:
                reader.want([ONE, OTHER])
            await asyncio.sleep(0.001)
        await until(lambda: len(values) == 31)
        assert sorted(values) == sorted([*map(str, range(30)), "before"])


async def test_a_partition_that_is_no_longer_wanted_is_not_read_and_begins_again_when_it_is(topics: Topics) -> None:
    topics.add(ONE, b"k", b"first")
    async with reading() as (reader, values, _):
        reader.want([ONE, OTHER])
        await until(lambda: values == ["first"])
        reader.want([OTHER])
        assert not reader.is_complete(ONE)
        topics.add(ONE, b"k", b"unseen")
        topics.add(OTHER, b"k", b"other")
        await until(lambda: values == ["first", "other"])
        reader.want([ONE, OTHER])
        await until(lambda: reader.is_complete(ONE))
        assert values == ["first", "other", "first", "unseen"]


async def test_after_an_error_reading_goes_on_where_it_stopped(topics: Topics) -> None:
    async with reading(since_ms=lambda: 0.0) as (reader, values, _):
        reader.want([ONE])
        for number in range(6):
            topics.add(ONE, b"k", b"%d" % number)
            await until(lambda: len(values) == number + 1)  # noqa: B023 - it is awaited here
            topics.fails = KafkaConnectionError() if number % 2 else None
            await until(lambda: topics.fails is None)
        assert values == [*map(str, range(6))]
        assert topics.consumers > 1


async def test_nothing_connects_to_kafka_while_nothing_is_wanted(topics: Topics) -> None:
    async with reading() as (reader, *_):
        await asyncio.sleep(0.01)
        assert topics.consumers == 0
        assert reader.read_at is None
        reader.want([ONE])
        await until(lambda: reader.is_complete(ONE))
        reader.want([])
        await asyncio.sleep(0.01)
        assert topics.consumers == 1
