"""What is not as wanted in the settings of topics and brokers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from aiokafka import codec

from streams.contract.kafka.topics.commands import OperatorCommands
from streams.contract.kafka.topics.finding import Finding, Harm, counted
from streams.contract.kafka.topics.state import FoundState, FoundTopic
from streams.contract.topics import TopicSpec

POLICY, RETENTION, COMPRESSION = "cleanup.policy", {"retention.ms", "retention.bytes"}, "compression.type"
LARGEST, SEGMENT, IN_SYNC = "max.message.bytes", "segment.bytes", "min.insync.replicas"
UNSAID = {POLICY: "delete", "retention.bytes": "-1"}  # what is wanted where a spec does not say it
READABLE = {"producer", "uncompressed", "gzip"} | {
    name for name in ("snappy", "lz4", "zstd") if getattr(codec, f"has_{name}")()
}


@dataclass(frozen=True, slots=True)
class Limit:
    """What it means, and why, if the value of a setting is less or more than wanted; None where that is as good."""

    less: tuple[Harm, str] | None = None
    more: tuple[Harm, str] | None = None


TOO_EARLY, TOO_LATE = "else messages are deleted before they are read", "else messages are kept for longer"
LIMITS = {
    "retention.ms": Limit((Harm.LOSES, TOO_EARLY), (Harm.DIFFERS, TOO_LATE)),
    "retention.bytes": Limit((Harm.LOSES, TOO_EARLY), None),
    LARGEST: Limit((Harm.LOSES, "else larger messages are lost"), None),
    IN_SYNC: Limit(
        (Harm.DIFFERS, "else messages can be lost with a broker"),
        (Harm.UNKNOWN, "else Kafka takes no message while fewer copies are up to date"),
    ),
    SEGMENT: Limit(None, (Harm.UNKNOWN, "Kafka deletes and compacts only whole segments")),
    "segment.ms": Limit(None, (Harm.UNKNOWN, "Kafka deletes and compacts only whole segments")),
}
POLICIES = {
    "delete": "else Kafka removes messages of the same session before they are read",
    "compact": "else Kafka deletes what is old, and keeps what was replaced",
}


def settings_findings(spec: TopicSpec, topic: FoundTopic, commands: OperatorCommands) -> Iterator[Finding]:
    """What is not as wanted in the settings of a topic; nothing if they cannot be read."""
    config, wanted = topic.config or {}, {**UNSAID, **spec.config}
    policy = config.get(POLICY, wanted[POLICY])

    def finding(name: str, value: str, needed: str, harm: Harm) -> Finding:
        return Finding(spec.name, f"{name}={config[name]}", needed, commands.configure(spec.name, name, value), harm)

    if policy != wanted[POLICY]:
        why = POLICIES[wanted[POLICY]]
        kept = ", ".join(f"{name}={config.get(name)}" for name in sorted(RETENTION))
        each = finding(POLICY, wanted[POLICY], f"{wanted[POLICY]}, {why}", Harm.LOSES)
        yield replace(each, found=f"{each.found} with {kept}") if "delete" in policy else each
    copies = min(each.copies for each in topic.partitions)
    refuses = int(config.get(IN_SYNC, 1)) > copies
    if refuses:
        needed = f"{copies} or less, as there {'is' if copies == 1 else 'are'} {counted(copies, 'copy')}"
        value = str(min(copies, int(wanted.get(IN_SYNC, 1))))
        yield finding(IN_SYNC, value, f"{needed}, else Kafka takes no message", Harm.STOPS)
    for name, value in wanted.items():
        unused = (name in RETENTION and policy != "delete") or (name == IN_SYNC and refuses)
        if name not in config or name == POLICY or unused:
            continue
        limit = LIMITS.get(name)
        if limit is None:
            if config[name] != value:
                yield finding(name, value, value, Harm.DIFFERS)
        elif limit.less and _size(config[name]) < _size(value):
            more = "" if limit.more or value == "-1" else " or more"
            yield finding(name, value, f"{value}{more}, {limit.less[1]}", limit.less[0])
        elif limit.more and _size(config[name]) > _size(value):
            less = "" if limit.less else " or less"
            yield finding(name, value, f"{value}{less}, {limit.more[1]}", limit.more[0])
    if LARGEST in wanted and _size(config.get(SEGMENT, "-1")) < _size(wanted[LARGEST]):
        needed = f"{wanted[LARGEST]} or more, else larger messages are lost"
        yield finding(SEGMENT, wanted.get(SEGMENT, wanted[LARGEST]), needed, Harm.LOSES)
    if config.get(COMPRESSION, "producer") not in READABLE:
        needed = "producer, as aiokafka is installed here without this compression"
        yield finding(COMPRESSION, "producer", needed, Harm.STOPS)


def broker_findings(specs: Sequence[TopicSpec], state: FoundState) -> Iterator[Finding]:
    """Brokers that do not answer, and what is too small in their own settings.

    Their ``message.max.bytes`` is not looked at, because the setting of a topic comes before it.
    """
    largest = max((int(spec.config.get(LARGEST, 0)) for spec in specs), default=0)
    copied = max((spec.replication for spec in specs), default=1) > 1
    limits = [("socket.request.max.bytes", Harm.LOSES, "else larger messages are lost")]
    if copied:
        limits.append(("replica.fetch.max.bytes", Harm.UNKNOWN, "else larger messages are copied one at a time"))
    for node, config in sorted(state.brokers.items()):
        if config == {}:
            yield Finding(
                f"broker {node}", "no answer", "one", "check that it is up", Harm.DIFFERS, waiting_helps=True
            )
        for name, harm, why in limits:
            if config and name in config and int(config[name]) < largest:
                advice = "set it in the broker's server.properties, or a smaller SIGHTSTREAM_MAX_FRAME_BYTES"
                yield Finding(f"broker {node}", f"{name}={config[name]}", f"{largest} or more, {why}", advice, harm)


def _size(value: str) -> float:
    """A number among a topic's settings; -1 has no limit."""
    return float("inf") if value == "-1" else float(value)
