"""Creates the topics that are missing, and checks those that exist."""

import asyncio
import time
from collections.abc import Mapping, Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from infra.local.errors import StackError
from streams.contract.kafka.options import connection_options
from streams.contract.settings import Settings
from streams.contract.topics import TopicSpec

_POLL_S = 0.1


class TopicMismatch(StackError):
    """A topic exists with another number of partitions."""


class TopicRefused(StackError):
    """The broker refuses to create a topic with these settings."""


class TopicsNotReady(StackError):
    """The topics exist, but a partition has no leader."""


async def create_topics(
    settings: Settings,
    topics: Sequence[TopicSpec],
    timeout: float = 30.0,  # noqa: ASYNC109
) -> list[str]:
    """Creates those of `topics` that are missing, waits until each partition has a leader, and returns new names.

    A topic that exists keeps its settings.

    Args:
        settings: where Kafka is, and how to connect.
        topics: all topics that are needed.
        timeout: in seconds.

    Raises:
        TopicMismatch: a topic has another number of partitions.
        TopicRefused: the broker refuses a topic's settings.
        TopicsNotReady: a partition has no leader in time.
        KafkaConnectionError: no broker answers.
    """
    admin = AIOKafkaAdminClient(request_timeout_ms=int(timeout * 1000), **connection_options(settings))
    end = time.monotonic() + timeout
    try:
        await admin.start()
        leaders = await _leaders(admin, topics)
        check_partitions(topics, leaders)
        created = await _create(admin, [topic for topic in topics if topic.name not in leaders], end)
        while waiting := without_leader(topics, leaders := await _leaders(admin, topics)):
            if time.monotonic() > end:
                raise TopicsNotReady(
                    f"no leader for {', '.join(waiting)} after {timeout:.0f} s: check that all brokers are up"
                )
            await asyncio.sleep(_POLL_S)
        check_partitions(topics, leaders)  # another process may have created them
        return created
    finally:
        await admin.close()


def check_partitions(topics: Sequence[TopicSpec], leaders: Mapping[str, Sequence[int]]) -> None:
    """Compares the numbers of partitions; ``leaders`` has the partitions of each topic that exists.

    Raises:
        TopicMismatch: a topic exists with another number of partitions than its spec has.
    """
    wrong = [
        f"{topic.name} has {len(leaders[topic.name])}, not {topic.partitions}"
        for topic in topics
        if topic.name in leaders and len(leaders[topic.name]) != topic.partitions
    ]
    if wrong:
        raise TopicMismatch(
            f"wrong number of partitions: {'; '.join(wrong)}: "
            "delete these topics, or set SIGHTSTREAM_PARTITIONS to the number that they have"
        )


def without_leader(topics: Sequence[TopicSpec], leaders: Mapping[str, Sequence[int]]) -> list[str]:
    """The names of topics that do not exist yet or have a partition without a leader (-1)."""
    return [topic.name for topic in topics if not leaders.get(topic.name) or min(leaders[topic.name]) < 0]


async def _leaders(admin: AIOKafkaAdminClient, topics: Sequence[TopicSpec]) -> dict[str, list[int]]:
    """The leader of each partition of those ``topics`` that exist; -1 for none."""
    # This asks for all topics, because some brokers create a topic that is requested by name.
    known = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
    return {
        topic.name: [partition["leader"] for partition in known[topic.name]]
        for topic in topics
        if topic.name in known
    }


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[TopicSpec], end: float) -> list[str]:
    """Creates ``topics``, with retries until ``end``, and returns the names of those that did not exist."""
    created = []
    waiting = {topic.name: topic for topic in topics}
    while waiting:
        new_topics = [
            NewTopic(topic.name, topic.partitions, topic.replication, topic_configs=dict(topic.config))
            for topic in waiting.values()
        ]
        answer = await admin.create_topics(new_topics)
        for name, code, *message in answer.topic_errors:
            error = for_code(code)
            if code == 0:
                created.append(name)
            elif error is not TopicAlreadyExistsError:
                if error.retriable and time.monotonic() < end:
                    continue
                reason = (message[0] if message else None) or error.__name__
                raise TopicRefused(f"the broker refuses topic {name}: {reason} (requested: {waiting[name]})")
            del waiting[name]
        if waiting:
            await asyncio.sleep(_POLL_S)
    return created
