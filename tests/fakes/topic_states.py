"""What Kafka has when everything is as wanted, and changes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from streams.contract.kafka.topics.commands import OperatorCommands
from streams.contract.kafka.topics.comparison import topic_findings
from streams.contract.kafka.topics.finding import Finding
from streams.contract.kafka.topics.state import FoundPartition, FoundState, FoundTopic
from streams.contract.settings import Settings
from streams.contract.topics import TopicSpec, topic_specs

# of a topic of Apache Kafka 4.3 that says nothing itself
DEFAULTS = {
    "cleanup.policy": "delete",
    "compression.type": "producer",
    "max.message.bytes": "1048588",
    "message.timestamp.type": "CreateTime",
    "min.insync.replicas": "1",
    "retention.bytes": "-1",
    "retention.ms": "604800000",
    "segment.bytes": "1073741824",
    "segment.ms": "604800000",
}
BROKER = {
    "message.max.bytes": "1048588",
    "replica.fetch.max.bytes": "1048576",
    "socket.request.max.bytes": "104857600",
}


def as_wanted(specs: Sequence[TopicSpec], brokers: int = 3) -> FoundState:
    """A cluster that has all topics as their specs say."""
    topics = {
        spec.name: FoundTopic(
            [FoundPartition(1, spec.replication, spec.replication)] * spec.partitions, DEFAULTS | dict(spec.config)
        )
        for spec in specs
    }
    return FoundState(topics, brokers=dict.fromkeys(range(1, brokers + 1), BROKER))


def with_topic(state: FoundState, name: str, topic: FoundTopic | None) -> FoundState:
    """The state with another topic of this name, or without it."""
    others = {key: value for key, value in state.topics.items() if key != name}
    return replace(state, topics=others if topic is None else {**others, name: topic})


def with_settings(state: FoundState, name: str, settings: Mapping[str, str]) -> FoundState:
    """The state with other settings of a topic."""
    topic = state.topics[name]
    return with_topic(state, name, replace(topic, config={**(topic.config or {}), **settings}))


def with_partitions(state: FoundState, name: str, partitions: Sequence[FoundPartition]) -> FoundState:
    """The state with other partitions of a topic."""
    return with_topic(state, name, replace(state.topics[name], partitions=partitions))


def findings(settings: Settings, state: FoundState) -> list[Finding]:
    """What is not as wanted, apart from rights."""
    return topic_findings(topic_specs(settings), state, {}, OperatorCommands(settings))
