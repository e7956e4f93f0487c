"""What is in Kafka, topics and their settings, and what this user may do: found with requests that change nothing."""

import asyncio
import random
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
)
from aiokafka.protocol.admin import DescribeConfigsRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.produce import ProduceRequest

from streams.contract.kafka.rights import Kind, Operation, Right
from streams.contract.topics import TopicSpec

TOPIC_SETTINGS = (
    "cleanup.policy",
    "compression.type",
    "max.message.bytes",
    "min.insync.replicas",
    "retention.bytes",
    "retention.ms",
    "segment.bytes",
    "segment.ms",
)
BROKER_SETTINGS = ("message.max.bytes", "replica.fetch.max.bytes", "socket.request.max.bytes")
TOPIC, BROKER = 2, 4  # Kafka's kinds of resources that have settings
PAST_THE_END = 2**62  # an offset that no topic has
DENIED = TopicAuthorizationFailedError.errno


@dataclass(frozen=True, slots=True)
class FoundPartition:
    """A partition: the id of the broker that leads it (-1: none), its copies, and how many of them are up to date."""

    leader: int
    copies: int
    in_sync: int


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic with its settings, those included that it has from the broker, as far as they are known.

    None: this user may not read them.
    """

    partitions: Sequence[FoundPartition]
    config: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class FoundState:
    """What is there of what was looked for.

    ``topics`` has those that exist and that this user may describe, ``denied`` the rights that the user lacks, by the
    name of a topic or of a group. ``brokers`` has the settings of each broker: None where this user may not read
    them, and none where the broker does not answer.
    """

    topics: Mapping[str, FoundTopic]
    denied: frozenset[tuple[str, Operation]] = frozenset()
    brokers: Mapping[int, Mapping[str, str] | None] = field(default_factory=dict)


async def find_state(client: AIOKafkaClient, specs: Sequence[TopicSpec]) -> FoundState:
    """Look for topics with a client that is connected.

    Raises:
        KafkaError: no broker answers.
    """
    names = [spec.name for spec in specs]
    metadata = await _ask(client, MetadataRequest(names, allow_auto_topic_creation=False))
    brokers = [broker[0] for broker in metadata.brokers]
    found: dict[str, tuple[FoundPartition, ...]] = {}
    hidden: set[str] = set()
    for code, name, _, partitions in metadata.topics:
        if code == DENIED:
            hidden.add(name)
        elif partitions:
            found[name] = tuple(
                FoundPartition(leader, len(replicas), len(in_sync))
                for _, _, leader, replicas, in_sync, *_ in sorted(partitions, key=lambda each: each[1])
            )
    settings = sorted({*TOPIC_SETTINGS, *(key for spec in specs for key in spec.config)})
    asked = [_configs(client, [(BROKER, str(node), list(BROKER_SETTINGS))], node) for node in brokers]
    configs, *broker_configs = await asyncio.gather(
        _configs(client, [(TOPIC, name, settings) for name in found]), *asked
    )
    return FoundState(
        {name: FoundTopic(partitions, configs.get(name, {})) for name, partitions in found.items()},
        frozenset((name, Operation.DESCRIBE) for name in hidden),
        {node: config.get(str(node), {}) for node, config in zip(brokers, broker_configs, strict=True)},
    )


async def find_denied(client: AIOKafkaClient, rights: Iterable[Right]) -> frozenset[tuple[str, Operation]]:
    """Which rights to read or write the topics and groups of ``rights`` this user lacks.

    Kafka says whether it allows a request before it looks at what the request contains: here no record to write, an
    offset that does not exist, and a member that no group has.
    """
    rights = list(rights)
    names = sorted({each.name for each in rights if each.kind == Kind.TOPIC})
    groups = sorted({each.name for each in rights if each.kind == Kind.GROUP})
    write = ProduceRequest(None, 1, 1000, [(name, [(0, b"")]) for name in names])
    read = FetchRequest(0, 0, 1, 0, [(name, [(0, PAST_THE_END, 1)]) for name in names])
    denied: set[tuple[str, Operation]] = set()
    for operation, request in ((Operation.WRITE, write), (Operation.READ, read)):
        with suppress(KafkaError):  # what cannot be found out here shows itself when it is used
            answer = await _ask(client, request)
            denied |= {(name, operation) for name, [(_, code, *_)] in answer.topics if code == DENIED}
    for group in groups:
        with suppress(KafkaError):
            answer = await _ask(client, HeartbeatRequest(group, 0, "nobody"))
            if answer.error_code == GroupAuthorizationFailedError.errno:
                denied.add((group, Operation.READ))
    return frozenset(denied)


async def _ask(client: AIOKafkaClient, request: Any, node: int | None = None) -> Any:
    """The answer of this broker, or of any one that answers."""
    nodes = [node] if node is not None else [each.nodeId for each in client.cluster.brokers()]
    error: KafkaError = KafkaConnectionError("no broker is known")
    for each in random.sample(nodes, len(nodes)):
        try:
            return await client.send(each, request)
        except KafkaError as caught:
            error = caught
    raise error


async def _configs(
    client: AIOKafkaClient, resources: Sequence[tuple[int, str, list[str]]], node: int | None = None
) -> dict[str, dict[str, str] | None]:
    """The settings of topics or of a broker, by name: None where this user may not read them.

    Those that nobody answers for are missing.
    """
    if not resources:
        return {}
    try:
        answer = await _ask(client, DescribeConfigsRequest(list(resources)), node)
    except KafkaError:
        return {}
    return {
        name: None if code else {entry[0]: entry[1] for entry in entries}
        for code, _, _, name, entries in answer.resources
    }
