"""What a worker's consumer has to do, for ``Liveness``, such as partitions with records that it has not read."""

import asyncio
import logging
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from faust.types import TP

from streams.contract.kafka.options import connection_options
from streams.contract.settings import Settings
from streams.kafka.consumer import Consumer

log = logging.getLogger(__name__)

ANSWER_S = 2.0


class EndOffsets:
    """Asks Kafka where partitions end, with a client of its own: the consumer may be what stands still."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._client: Any = None

    async def of(self, partitions: Iterable[TP]) -> dict[TP, int] | None:
        """The end of each partition; None if one of their leaders does not answer soon."""
        try:
            async with asyncio.timeout(ANSWER_S):
                if self._client is None:
                    client = AIOKafkaConsumer(**connection_options(self.settings), group_id=None)
                    try:
                        await client.start()
                    except BaseException:
                        await client.stop()
                        raise
                    self._client = client
                asked = [TopicPartition(each.topic, each.partition) for each in partitions]
                ends = await self._client.end_offsets(asked) if asked else {}
        except (KafkaError, TimeoutError, OSError) as error:
            log.debug("Kafka does not say where partitions end: %r", error)
            return None
        return {TP(each.topic, each.partition): end for each, end in ends.items()}

    async def close(self) -> None:
        """Close the client."""
        if self._client is not None:
            await self._client.stop()


async def work_of(consumer: Consumer, ends: Mapping[TP, int]) -> dict[str, Hashable]:
    """What there is to read, to answer and to commit, with how far it is."""
    work: dict[str, Hashable] = {}
    for tp, end in ends.items():
        where = f"{tp.topic}[{tp.partition}]"
        position = await consumer.position_now(tp)
        if position is not None and position < end:
            work[f"reading {where}"] = position
        if (offset := consumer.first_unacknowledged(tp)) is not None:
            work[f"processing {where}"] = offset
        if not consumer.is_committing and (committed := consumer.to_be_committed(tp)) is not None:
            work[f"committing {where}"] = committed
    return work
