"""Connections to brokers: one that does not answer is tried again and again, with growing pauses, and said once.

aiokafka tries again at once, or after 100 ms, in several loops for each client, and logs every try. While a broker is
away that takes up to a whole core, and thousands of lines a second.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import Any

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.0  # so long may it take until a broker that is back is noticed
METADATA_PAUSE_S = 0.2  # messages to other topics may have to wait for it, too


class Pause:
    """A pause that doubles each time, and differs a little from one process to another."""

    def __init__(self) -> None:
        self._next_s = FIRST_PAUSE_S

    def take(self) -> float:
        """The seconds of the next pause."""
        seconds, self._next_s = self._next_s, min(LONGEST_PAUSE_S, 2 * self._next_s)
        return seconds * random.uniform(0.8, 1.0)  # noqa: S311 - jitter


class Outages:
    """The brokers that do not answer, for all clients of a process; ``clock`` in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._since: dict[str, float] = {}
        self._pauses: dict[str, Pause] = {}
        self._next_try: dict[str, float] = {}

    def failed(self, address: str, error: BaseException) -> None:
        """A broker did not answer."""
        now = self.clock()
        if address not in self._since:
            log.warning("Kafka at %s does not answer (%s); trying again", address, reason(error))
            self._since[address], self._pauses[address] = now, Pause()
        if now >= self._next_try.get(address, now):  # another client may just have tried
            self._next_try[address] = now + self._pauses[address].take()

    def answered(self, address: str) -> None:
        """A broker did answer."""
        if address in self._since:
            log.warning("Kafka at %s answers again after %.0f s", address, self.clock() - self._since.pop(address))
            del self._next_try[address]

    def pause_s(self, address: str) -> float:
        """The seconds until a broker should be tried again."""
        now = self.clock()
        return max(0.0, self._next_try.get(address, now) - now)


OUTAGES = Outages()


async def connect(host: str, port: int, **options: Any) -> Any:
    """aiokafka's ``create_conn``, which tells ``OUTAGES`` whether the broker answers."""
    address = f"{host}:{port}"
    try:
        connection = await create_conn(host, port, **options)
    except (OSError, KafkaError, TimeoutError) as error:
        OUTAGES.failed(address, error)
        raise
    OUTAGES.answered(address)
    return connection


class PatientClient(AIOKafkaClient):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka's client, which pauses before it asks again for what it did not get."""

    async def bootstrap(self) -> None:
        """Wait until one of the brokers answers."""
        pause = Pause()
        while True:
            try:
                await super().bootstrap()
                return
            except KafkaConnectionError:
                await asyncio.sleep(pause.take())

    async def _get_conn(
        self, node_id: int | str, *, group: ConnectionGroup = ConnectionGroup.DEFAULT, no_hint: bool = False
    ) -> Any:
        connection = self._conns.get((node_id, group))
        broker = self.cluster.broker_metadata(node_id)
        if broker and not (connection and connection.connected()):
            await asyncio.sleep(OUTAGES.pause_s(f"{broker.host}:{broker.port}"))
        return await super()._get_conn(node_id, group=group, no_hint=no_hint)

    async def _metadata_update(self, cluster_metadata: Any, topics: Any) -> bool:
        """Ask for the partitions' leaders; after an answer without some leader, a little later.

        A consumer asks again as soon as it has an answer, until each partition has a leader.
        """
        if self._leaders_missing:
            await asyncio.sleep(METADATA_PAUSE_S)
        updated = bool(await super()._metadata_update(cluster_metadata, topics))
        self._leaders_missing = not (updated and all(has_leaders(cluster_metadata, topic) for topic in topics or ()))
        return updated

    _leaders_missing = False


def has_leaders(cluster: Any, topic: str) -> bool:
    """Whether a topic is known, and each of its partitions has a leader."""
    partitions = cluster.partitions_for_topic(topic)
    return bool(partitions) and cluster.available_partitions_for_topic(topic) == partitions


def reason(error: BaseException) -> str:
    """An error in words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
