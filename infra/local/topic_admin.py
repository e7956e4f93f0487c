"""Creates the topics that are missing and refuses those that are not as we need them."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from streams.contract.topics import TopicSpec

_LOOK_S = 0.1


class TopicMismatch(Exception):
    """A topic exists with another number of partitions."""


class TopicRefused(Exception):
    """The broker will not create a topic as it was asked to."""


class TopicsUnready(Exception):
    """The topics are there, but some partition has no leader."""


async def create_topics(
    bootstrap: str,
    topics: Sequence[TopicSpec],
    security: Mapping[str, Any] | None = None,
    timeout: float = 30.0,  # noqa: ASYNC109
) -> list[str]:
    """Creates the missing of `topics`, waits until each partition has a leader, and returns the created names.

    `bootstrap` is HOST:PORT or several with commas, `security` aiokafka's arguments for SASL and TLS, `timeout` in
    seconds. A topic that exists keeps its settings. Raises TopicMismatch, TopicRefused, TopicsUnready, and
    aiokafka's KafkaConnectionError where no broker answers.
    """
    admin = AIOKafkaAdminClient(
        bootstrap_servers=bootstrap.split(","), request_timeout_ms=int(timeout * 1000), **(security or {})
    )
    end = time.monotonic() + timeout
    try:
        await admin.start()
        leaders = await _leaders(admin, topics)
        check(topics, {name: len(of_topic) for name, of_topic in leaders.items()})
        created = await _create(admin, [topic for topic in topics if topic.name not in leaders], end)
        while without := unready(topics, leaders := await _leaders(admin, topics)):
            if time.monotonic() > end:
                raise TopicsUnready(
                    f"no leader for {', '.join(without)} after {timeout:.0f} s: see whether all brokers are up"
                )
            await asyncio.sleep(_LOOK_S)
        check(topics, {name: len(of_topic) for name, of_topic in leaders.items()})
        return created
    finally:
        await admin.close()


def check(topics: Sequence[TopicSpec], existing: Mapping[str, int]) -> None:
    """Raises TopicMismatch where a topic exists with another number of partitions than its spec has."""
    wrong = [
        f"{topic.name} has {existing[topic.name]} where {topic.partitions} are wanted"
        for topic in topics
        if existing.get(topic.name, topic.partitions) != topic.partitions
    ]
    if wrong:
        raise TopicMismatch(
            f"partition counts differ: {'; '.join(wrong)}: delete these topics, or set the partitions they have"
        )


def unready(topics: Sequence[TopicSpec], leaders: Mapping[str, Sequence[int]]) -> list[str]:
    """The names of topics that are not there yet or have a partition without a leader (-1)."""
    return [topic.name for topic in topics if not leaders.get(topic.name) or min(leaders[topic.name]) < 0]


async def _leaders(admin: AIOKafkaAdminClient, topics: Sequence[TopicSpec]) -> dict[str, list[int]]:
    # All topics, not ours by name: some brokers create what is asked for by name.
    known = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
    return {
        topic.name: [partition["leader"] for partition in known[topic.name]]
        for topic in topics
        if topic.name in known
    }


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[TopicSpec], end: float) -> list[str]:
    created = []
    waiting = {topic.name: topic for topic in topics}
    while waiting:
        news = [
            NewTopic(topic.name, topic.partitions, topic.replication, topic_configs=dict(topic.config))
            for topic in waiting.values()
        ]
        answer = await admin.create_topics(news)
        for name, code, *message in answer.topic_errors:
            kind = for_code(code)
            if code == 0:
                created.append(name)
            elif kind is not TopicAlreadyExistsError:
                if kind.retriable and time.monotonic() < end:
                    continue
                reason = (message[0] if message else None) or kind.__name__
                raise TopicRefused(f"the broker refuses topic {name}: {reason} (wanted: {waiting[name]})")
            del waiting[name]
        if waiting:
            await asyncio.sleep(_LOOK_S)
    return created
