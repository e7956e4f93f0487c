"""Creates the topics that are missing, and checks those that exist."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)

from infra.local.errors import StackError
from infra.local.kafka.configuration import MOST_COPIES, insync_of
from streams.contract.kafka.connections import NoConnection, check_connection
from streams.contract.kafka.options import connection_options
from streams.contract.kafka.rights import Kind, Operation
from streams.contract.kafka.topics.commands import OperatorCommands
from streams.contract.kafka.topics.comparison import topic_findings
from streams.contract.kafka.topics.finding import Finding, Harm, grouped
from streams.contract.kafka.topics.limits import UNSAID
from streams.contract.kafka.topics.state import FoundState, find_state
from streams.contract.settings import Settings
from streams.contract.topics import TopicSpec

BROKER_TIMEOUT_S = 15.0
CREATE_S = 30.0
_POLL_S = 0.1


class BrokerUnreachable(StackError):
    """No broker answers at the addresses of the settings."""


class TopicsWrong(StackError):
    """Topics are so that nothing works with them, or that messages are lost."""


class TopicRefused(StackError):
    """The broker refuses to create a topic, or to change its settings."""


@asynccontextmanager
async def admin_client(settings: Settings, request_s: float = 40.0) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connected client for administrators; a request that takes longer than ``request_s`` seconds fails."""
    admin = AIOKafkaAdminClient(request_timeout_ms=int(request_s * 1000), **connection_options(settings))
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


@asynccontextmanager
async def answering_kafka(settings: Settings, advice: str) -> AsyncIterator[AIOKafkaClient]:
    """A client that is connected.

    Raises:
        BrokerUnreachable: no broker answers, now or inside the block; ``advice`` says what to do.
    """
    brokers = ",".join(settings.broker)
    client = AIOKafkaClient(request_timeout_ms=int(BROKER_TIMEOUT_S * 1000), **connection_options(settings))
    try:
        async with asyncio.timeout(BROKER_TIMEOUT_S):
            await check_connection(settings)
            await client.bootstrap()
        yield client
    except TimeoutError as error:
        raise BrokerUnreachable(f"no Kafka answers at {brokers} within {BROKER_TIMEOUT_S:.0f} s: {advice}") from error
    except NoConnection as error:
        raise BrokerUnreachable(str(error) if error.lasts else f"{error}: {advice}") from error
    except (KafkaError, OSError) as error:
        why = "no connection" if isinstance(error, KafkaConnectionError) else error
        raise BrokerUnreachable(f"Kafka at {brokers} cannot be used ({why}): {advice}") from error
    finally:
        await client.close()


async def create_topics(
    settings: Settings,
    topics: Sequence[TopicSpec],
    *,
    own: bool = False,
    advice: str = "check the address",
    timeout: float = 30.0,  # noqa: ASYNC109
) -> list[str]:
    """Creates those of `topics` that are missing, waits until all can be used, and returns new names.

    Args:
        settings: where Kafka is, and how to connect.
        topics: all topics that are needed.
        own: Kafka is this stack's own: the settings of topics that exist become those of `topics`.
        advice: what to do if no broker answers.
        timeout: in seconds.

    Raises:
        TopicsWrong: with the topics nothing would work, or messages would be lost.
        TopicRefused: the broker refuses a topic's settings.
        BrokerUnreachable: no broker answers.
    """
    end = time.monotonic() + timeout
    async with answering_kafka(settings, advice) as client, admin_client(settings) as admin:
        state = await find_state(client, topics)
        while own and (other := with_other_settings(topics, state)) and time.monotonic() < end:
            await _configure(admin, other, settings)
            await asyncio.sleep(_POLL_S)  # brokers hear of it a little later
            state = await find_state(client, topics)
        check(topics, state, settings)
        created = await create_missing(admin, topics, state, settings)
        while waiting := check(topics, await find_state(client, topics), settings):
            if time.monotonic() > end:
                raise TopicsWrong(f"{_text(waiting)} (since {timeout:.0f} s)")
            await asyncio.sleep(_POLL_S)
        return created


def check(topics: Sequence[TopicSpec], state: FoundState, settings: Settings) -> list[Finding]:
    """What is wrong now but may end by itself.

    Raises:
        TopicsWrong: what is wrong does not end by itself.
    """
    found = topic_findings(topics, state, {}, OperatorCommands(settings))
    bad = [each for each in found if each.harm >= Harm.LOSES]
    if lasting := [each for each in bad if not each.waiting_helps]:
        raise TopicsWrong(_text(lasting))
    return bad


def with_copies(settings: Settings, brokers: int) -> Settings:
    """The settings with as many copies of each topic as ``brokers`` can hold, where they do not say how many."""
    copies = settings.with_defaults(replication=min(MOST_COPIES, brokers)).replication
    return settings.with_defaults(replication=copies, min_insync=insync_of(copies))


def with_other_settings(topics: Iterable[TopicSpec], state: FoundState) -> list[TopicSpec]:
    """Those of ``topics`` that exist with other settings than wanted."""
    found = {name: topic.config or {} for name, topic in state.topics.items()}
    return [
        spec
        for spec in topics
        if spec.name in found and not {**UNSAID, **spec.config}.items() <= found[spec.name].items()
    ]


def creatable(topics: Iterable[TopicSpec], state: FoundState) -> list[TopicSpec]:
    """Those of ``topics`` that are missing and would fit to those that exist.

    Without the right to describe a topic nobody knows whether it is missing.
    """
    topics = list(topics)
    misfits = {
        spec.name
        for spec in topics
        for other in topics
        if spec.by_session and other.by_session and other.name in state.topics
        if len(state.topics[other.name].partitions) != spec.partitions
    }
    hidden = {name for name, right in state.denied if right == Operation.DESCRIBE}
    return [spec for spec in topics if spec.name not in {*state.topics, *hidden, *misfits}]


async def create_missing(
    admin: AIOKafkaAdminClient, topics: Iterable[TopicSpec], state: FoundState, settings: Settings
) -> list[str]:
    """Creates those of ``topics`` that are missing, and returns their names.

    Raises:
        TopicRefused: the broker refuses a topic's settings, or this user may not create it.
    """
    created = []
    waiting = {topic.name: topic for topic in creatable(topics, state)}
    end = time.monotonic() + CREATE_S
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
                raise TopicRefused(_refusal("create", waiting[name], error, message, settings))
            del waiting[name]
        if waiting:
            await asyncio.sleep(_POLL_S)
    return created


async def _configure(admin: AIOKafkaAdminClient, topics: Sequence[TopicSpec], settings: Settings) -> None:
    """Gives topics the settings of their specs, and the broker's for all others."""
    specs = {spec.name: spec for spec in topics}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, dict(spec.config)) for name, spec in specs.items()]
    for answer in await admin.alter_configs(resources):
        for code, message, _, name in answer.resources:
            if code:
                raise TopicRefused(_refusal("change", specs[name], for_code(code), [message], settings))


def _refusal(
    what: str, spec: TopicSpec, error: type[KafkaError], message: Sequence[str | None], settings: Settings
) -> str:
    refused = f"the broker refuses to {what} topic {spec.name}"
    if error in {TopicAuthorizationFailedError, ClusterAuthorizationFailedError}:
        commands, right = OperatorCommands(settings), "Create" if what == "create" else "AlterConfigs"
        give = commands.allow(right, Kind.TOPIC, spec.name)
        return f"{refused}: {commands.user} has no right to {right}; give it with {give}"
    wanted = ", ".join(f"{name}={value}" for name, value in spec.config.items())
    asked = f"{spec.partitions} partitions, {spec.replication} copies{', ' if wanted else ''}{wanted}"
    return f"{refused}: {(message and message[0]) or error.__name__} (requested: {asked})"


def _text(findings: Iterable[Finding]) -> str:
    return "; ".join(map(str, grouped(findings)))
