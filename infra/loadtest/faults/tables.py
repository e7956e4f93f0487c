"""Faults while a worker restores its table, from a statistics topic that is large and compacted."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from infra.loadtest.faults.newcomers import joining_worker, until_joined
from infra.loadtest.faults.processes import restart
from infra.loadtest.faults.wholeness import REQUEST_S
from infra.loadtest.reconcile import read_topic
from infra.local.stack import Stack
from infra.local.topic_admin import admin_client
from streams.contract.clock import now_ms
from streams.contract.kafka.options import connection_options
from streams.contract.stats import SessionStats
from streams.contract.topics import SESSIONS, topic_specs

ENTRIES = 20_000
VERSIONS = 3  # of each entry before the compaction
COMPACTION_S = 120.0
LOOK_S = 1.0
KEEN = {"segment.ms": "1000", "min.cleanable.dirty.ratio": "0.001", "max.compaction.lag.ms": "1000"}


@asynccontextmanager
async def compacted_statistics(stack: Stack) -> AsyncIterator[Sequence[str]]:
    """The statistics of 20,000 more sessions, whose older versions Kafka has removed by compaction.

    Raises:
        TimeoutError: Kafka does not compact the topic within two minutes.
    """
    [spec] = [each for each in topic_specs(stack.settings) if each.name == SESSIONS]
    await configure(stack, {**spec.config, **KEEN})
    try:
        for _ in range(VERSIONS):
            await write_entries(stack, range(ENTRIES))
        async with asyncio.timeout(COMPACTION_S):
            while await entries_in_topic(stack) > ENTRIES * 1.5:
                await asyncio.sleep(LOOK_S)
                await write_entries(stack, range(100))  # a segment ends when a record comes that is younger
    finally:
        await configure(stack, spec.config)
    yield stack.websockets


async def kill_worker(stack: Stack) -> None:
    """Kill -9 of a worker; over when another process is there in its place."""
    await restart(stack, "worker-1", signal.SIGKILL)


async def join_while_restoring(stack: Stack) -> None:
    """One worker begins again and must restore its table; one more joins meanwhile, and leaves when both serve."""
    await kill_worker(stack)
    async with joining_worker(stack):
        await until_joined(stack, stack.workers + 1)


async def write_entries(stack: Stack, numbers: range) -> None:
    """Write statistics of sessions that no browser has."""
    producer = AIOKafkaProducer(**connection_options(stack.settings), linger_ms=20, max_batch_size=2**18)
    await producer.start()
    try:
        for number in numbers:
            session, now = f"filler-{number}", now_ms()
            await producer.send(SESSIONS, SessionStats(session, now, now).dumps(), session.encode())
    finally:
        await producer.stop()


async def entries_in_topic(stack: Stack) -> int:
    """How many records the statistics topic has."""
    return sum([1 async for _ in read_topic(stack.settings, SESSIONS)])


async def configure(stack: Stack, config: Any) -> None:
    """Give the statistics topic these settings, and Kafka's defaults for all others."""
    async with admin_client(stack.settings, REQUEST_S) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, SESSIONS, configs=dict(config))])
