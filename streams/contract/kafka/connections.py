"""Connections to brokers: one that does not answer is tried again and again, with growing pauses, and said once.

So is one that refuses this process, or whose certificate is wrong: passwords and certificates are changed while
processes run. aiokafka tries again at once, or after 100 ms, in several loops for each client, and logs every try.
While a broker is away that takes up to a whole core, and thousands of lines a second.
"""

import asyncio
import logging
import random
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from streams.contract.addresses import address as address_of
from streams.contract.kafka.options import connection_options
from streams.contract.kafka.refusals import NoKafka, Problem, problem_of
from streams.contract.settings import Settings

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.0  # so long may it take until a broker that is back is noticed
REFUSED_PAUSE_S = 5.0  # and until a new password or certificate is
REMIND_S = 300.0
METADATA_PAUSE_S = 0.2  # messages to other topics may have to wait for it, too


class NoConnection(ConnectionError):
    """No broker can be used; the message says why. ``lasts``: whether people have to do something."""

    def __init__(self, problems: Mapping[str, Problem]) -> None:
        super().__init__("; ".join(lines_of({address: each.text for address, each in problems.items()})))
        self.lasts = any(each.lasts for each in problems.values())


class Pause:
    """A pause that doubles each time, and differs a little from one process to another."""

    def __init__(self) -> None:
        self._next_s = FIRST_PAUSE_S

    def take(self, longest_s: float = LONGEST_PAUSE_S) -> float:
        """The seconds of the next pause."""
        seconds, self._next_s = min(longest_s, self._next_s), min(longest_s, 2 * self._next_s)
        return seconds * random.uniform(0.8, 1.0)  # noqa: S311 - jitter


class Outages:
    """The brokers that cannot be used, for all clients of a process; ``clock`` in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._since: dict[str, float] = {}
        self._problems: dict[str, str] = {}
        self._said_at: dict[str, float] = {}
        self._pauses: dict[str, Pause] = {}
        self._next_try: dict[str, float] = {}

    def failed(self, address: str, problem: Problem) -> None:
        """A broker cannot be used."""
        now = self.clock()
        if address not in self._since:
            self._since[address], self._pauses[address] = now, Pause()
        if self._problems.get(address) != problem.text or now - self._said_at[address] >= REMIND_S:
            log.warning("Kafka at %s %s; trying again", address, problem.text)
            self._problems[address], self._said_at[address] = problem.text, now
        if now >= self._next_try.get(address, now):  # another client may just have tried
            longest_s = REFUSED_PAUSE_S if problem.lasts else LONGEST_PAUSE_S
            self._next_try[address] = now + self._pauses[address].take(longest_s)

    def answered(self, address: str) -> None:
        """A broker did answer."""
        if address in self._since:
            log.warning("Kafka at %s answers again after %.0f s", address, self.clock() - self._since.pop(address))
            del self._next_try[address], self._problems[address]

    def pause_s(self, address: str) -> float:
        """The seconds until a broker should be tried again."""
        now = self.clock()
        return max(0.0, self._next_try.get(address, now) - now)

    def lines(self) -> list[str]:
        """What is wrong now, a line for each problem."""
        return lines_of(self._problems)


OUTAGES = Outages()


def lines_of(problems: Mapping[str, str]) -> list[str]:
    """A line for each problem, with the addresses of all brokers that have it."""
    addresses: dict[str, list[str]] = {}
    for address, problem in problems.items():
        addresses.setdefault(problem, []).append(address)
    return [f"Kafka at {', '.join(each)} {problem}" for problem, each in addresses.items()]


async def connect(host: str, port: int, **options: Any) -> Any:
    """aiokafka's ``create_conn``, which tells ``OUTAGES`` whether the broker can be used."""
    address = address_of(host, port)
    try:
        connection = await checked_connection(host, port, **options)
    except (OSError, KafkaError, TimeoutError) as error:
        OUTAGES.failed(address, problem_of(error, host, **options))
        raise
    OUTAGES.answered(address)
    return connection


async def checked_connection(host: str, port: int, **options: Any) -> Any:
    """aiokafka's ``create_conn``, to a broker that answers the first request.

    One that asks for a user or a certificate takes the connection, and closes it at the first request.

    Raises:
        OSError, KafkaError, TimeoutError: the broker cannot be used.
    """
    try:
        connection = await create_conn(host, port, **options)
    except OSError:  # a wrong certificate is also a ValueError
        raise
    except (ValueError, AssertionError, LookupError, struct.error) as error:  # aiokafka expects sound answers
        raise NoKafka(str(error)) from error
    if not options.get("security_protocol", "PLAINTEXT").startswith("SASL"):
        try:
            await connection.send(MetadataRequest([]))
        except BaseException:
            connection.close()
            raise
    return connection


async def check_connection(settings: Settings) -> None:
    """Connect to one of the brokers, for a program that does not wait for Kafka.

    Raises:
        NoConnection: none can be used; the message says why and what to check.
        BadSetting: a certificate or a key cannot be read.
    """
    options = connection_options(settings)
    problems: dict[str, Problem] = {}
    for host, port, _ in collect_hosts(options.pop("bootstrap_servers"), randomize=False):
        try:
            connection = await checked_connection(host, port, **options)
        except (OSError, KafkaError, TimeoutError) as error:
            problems[address_of(host, port)] = problem_of(error, host, **options)
        else:
            connection.close()
            return
    raise NoConnection(problems)


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
                pauses = [OUTAGES.pause_s(address_of(host, port)) for host, port, _ in self.hosts]
                await asyncio.sleep(max(pause.take(), min(pauses, default=0.0)))

    async def _get_conn(
        self, node_id: int | str, *, group: ConnectionGroup = ConnectionGroup.DEFAULT, no_hint: bool = False
    ) -> Any:
        connection = self._conns.get((node_id, group))
        broker = self.cluster.broker_metadata(node_id)
        if broker and not (connection and connection.connected()):
            await asyncio.sleep(OUTAGES.pause_s(address_of(broker.host, broker.port)))
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
