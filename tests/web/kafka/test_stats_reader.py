"""Statistics are read while somebody looks at them."""

import asyncio

import pytest
from aiokafka import TopicPartition

from streams.contract.settings import Settings
from streams.contract.stats import SessionStats
from streams.contract.topics import SESSIONS
from tests.fakes.topics import Topics
from web.kafka.stats_reader import KEEP_S, StatsReader
from web.kafka.stats_store import StatsStore

PARTITIONS = {"a": 0, "b": 1}


async def test_a_session_that_is_asked_for_is_complete_and_forgotten_when_nobody_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    topics = Topics()
    monkeypatch.setattr("web.kafka.partition_reader.AIOKafkaConsumer", topics.consumer)
    for session, partition in PARTITIONS.items():
        entry = SessionStats(session, started=1.0, last_seen=1.0).dumps()
        topics.add(TopicPartition(SESSIONS, partition), session.encode(), entry, at_ms=1)
    now = [0.0]
    store = StatsStore(keep_ms=1000)
    reader = StatsReader(Settings(), store, PARTITIONS.__getitem__, clock=lambda: now[0])
    running = asyncio.create_task(reader.run())
    try:
        assert await asyncio.wait_for(reader.ask("a"), 5)
        assert store.get("a", 1.0) is not None
        assert store.get("b", 1.0) is None
        assert not reader.is_complete("b")
        now[0] = KEEP_S - 1
        assert await asyncio.wait_for(reader.ask("b"), 5)
        now[0] = KEEP_S + 1
        reader.sweep()
        assert reader.partitions == {1}
        assert not reader.is_complete("a")
        assert store.get("a", 1.0) is None
        assert store.get("b", 1.0) is not None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
