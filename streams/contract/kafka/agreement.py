"""What the workers of a pool serve is agreed in a compacted topic, with one record for each pool.

The first worker of a pool writes the record. Every other one reads it before it takes partitions, and follows it.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streams.contract.kafka import adapt_clients
from streams.contract.kafka.options import connection_options
from streams.contract.messages import Agreement, WorkerStatus
from streams.contract.settings import Settings
from streams.contract.topics import MODELS, WORKERS, group_of

log = logging.getLogger(__name__)

TOPIC_WAIT_S = 2.0  # between two looks for a topic that is missing
FETCH_WAIT_MS = 5000  # the longest that a broker keeps a request for records that do not come yet


async def read(settings: Settings) -> Agreement | None:
    """What the workers of the settings' pool have agreed on; None before the first one. Waits for Kafka."""
    async with _reading(settings, MODELS) as (consumer, partition):
        end = (await consumer.end_offsets([partition]))[partition]
        await consumer.seek_to_beginning(partition)
        agreed = None
        while await consumer.position(partition) < end:
            agreed = await _newest(consumer, settings) or agreed
        return agreed


async def write(settings: Settings, agreement: Agreement) -> None:
    """Let the workers of the settings' pool serve this from now on. Raises KafkaError."""
    adapt_clients()
    producer = AIOKafkaProducer(**connection_options(settings), acks="all", enable_idempotence=True)
    try:
        await producer.start()
        await producer.send_and_wait(MODELS, agreement.dumps(), key=group_of(settings.pool).encode())
    finally:
        await producer.stop()


async def follow(settings: Settings) -> AsyncGenerator[Agreement, None]:
    """What is agreed now, and what is agreed whenever that changes, for ever."""
    async with _reading(settings, MODELS) as (consumer, partition):
        await consumer.seek_to_beginning(partition)
        while True:
            if agreed := await _newest(consumer, settings):
                yield agreed


async def hear_worker(settings: Settings, timeout_s: float, but: str) -> str:
    """The name of a worker of the settings' pool that announces itself within the time; empty if none but ``but``."""
    async with _reading(settings, WORKERS) as (consumer, partition):
        await consumer.seek_to_end(partition)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    record = await consumer.getone()
                    try:
                        status = WorkerStatus.loads(record.value)
                    except Exception as error:  # any producer can write there
                        log.debug("no worker's status: %r", error)
                        continue
                    if status.pool == settings.pool and status.worker != but:
                        return str(status.worker)
        except TimeoutError:
            return ""


@asynccontextmanager
async def _reading(settings: Settings, topic: str) -> AsyncIterator[tuple[Any, TopicPartition]]:
    """A consumer of the one partition of a topic, for which it waits."""
    adapt_clients()
    partition = TopicPartition(topic, 0)
    consumer = AIOKafkaConsumer(
        **connection_options(settings),
        group_id=None,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=FETCH_WAIT_MS,
    )
    try:
        await consumer.start()
        said = False
        while topic not in await consumer.topics():
            if not said:
                log.warning("the topic %s is missing: create it with `sightstream topics --create`", topic)
                said = True
            await asyncio.sleep(TOPIC_WAIT_S)
        consumer.assign([partition])
        yield consumer, partition
    finally:
        await consumer.stop()


async def _newest(consumer: Any, settings: Settings) -> Agreement | None:
    """The last agreement of the settings' pool among the next records; None if there is none."""
    agreed = None
    for records in (await consumer.getmany(timeout_ms=1000)).values():
        for record in records:
            if record.key == group_of(settings.pool).encode():
                try:
                    agreed = Agreement.loads(record.value)
                except Exception as error:  # any producer can write there
                    log.warning("the record %d of %s cannot be used: %r", record.offset, MODELS, error)
    return agreed
