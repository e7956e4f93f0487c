"""Compares the topics that are wanted with what was found: pure, and without Kafka."""

from collections.abc import Iterator, Mapping, Sequence

from streams.contract.kafka.rights import Kind, Operation, Right
from streams.contract.kafka.topics.commands import OperatorCommands
from streams.contract.kafka.topics.finding import Finding, Harm, counted
from streams.contract.kafka.topics.limits import IN_SYNC, broker_findings, settings_findings
from streams.contract.kafka.topics.state import FoundState, FoundTopic
from streams.contract.topics import Role, TopicSpec


def topic_findings(
    specs: Sequence[TopicSpec], state: FoundState, needed: Mapping[Role, Sequence[Right]], commands: OperatorCommands
) -> list[Finding]:
    """What is not as wanted, the worst first.

    Args:
        specs: what is wanted.
        state: what was found.
        needed: the rights that this user needs, by the role that needs them.
        commands: for the advice.
    """
    found = [*_rights(specs, state, needed, commands), *broker_findings(specs, state)]
    for spec in specs:
        if topic := state.topics.get(spec.name):
            found += [*_partitions(spec, specs, state.topics, commands), *_copies(spec, topic)]
            found += settings_findings(spec, topic, commands)
        elif (spec.name, Operation.DESCRIBE) not in state.denied:
            found += _missing(spec, len(state.brokers), commands)
    return sorted(found, key=lambda each: -each.harm)


def missing_rights(needed: Sequence[Right], state: FoundState) -> Iterator[tuple[Kind, str, Operation]]:
    """Those of the rights that this user is known to lack."""
    for right in needed:
        for operation in right.operations:
            if (right.name, operation) in state.denied:
                yield right.kind, right.name, operation


def nearest_roles(needed: Mapping[Role, Sequence[Right]], state: FoundState) -> list[Role]:
    """The roles whose rights this user has, or nearly has."""
    missing = {role: len([*missing_rights(rights, state)]) for role, rights in needed.items()}
    return [role for role, count in missing.items() if count == min(missing.values())]


def _rights(
    specs: Sequence[TopicSpec], state: FoundState, needed: Mapping[Role, Sequence[Right]], commands: OperatorCommands
) -> Iterator[Finding]:
    roles: dict[tuple[Kind, str, Operation], list[Role]] = {}
    for role, rights in needed.items():
        for each in missing_rights(rights, state):
            roles.setdefault(each, []).append(role)
    for (kind, name, operation), who in roles.items():
        yield Finding(
            name if kind == Kind.TOPIC else f"{kind} {name}",
            f"no right to {operation}",
            f"this right, for the {' and the '.join(who)}",
            f"give {commands.user} it with {commands.allow(operation, kind, name)}",
            Harm.STOPS,
            waiting_helps=True,
        )
    said = {name for _, name, _ in roles}
    hidden = [name for name, right in sorted(state.denied) if right == Operation.DESCRIBE and name not in said]
    secret = [spec.name for spec in specs if (topic := state.topics.get(spec.name)) and topic.config is None]
    brokers = [f"broker {node}" for node, config in sorted(state.brokers.items()) if config is None]
    for names, found, operation, of in (
        (hidden, "not checked", Operation.DESCRIBE, [Kind.TOPIC, *hidden]),
        (secret, "settings not checked", Operation.DESCRIBE_CONFIGS, [Kind.TOPIC, *secret]),
        (brokers, "settings not checked", Operation.DESCRIBE_CONFIGS, [Kind.CLUSTER]),
    ):
        if names:
            advice = f"give {commands.user} it with {commands.allow(operation, *of)}"
            yield Finding(", ".join(names), found, f"the right to {operation}", advice, Harm.UNKNOWN)


def _missing(spec: TopicSpec, brokers: int, commands: OperatorCommands) -> Iterator[Finding]:
    wanted = f"{counted(spec.partitions, 'partition')}, {counted(spec.replication, 'copy')}"
    yield Finding(spec.name, "missing", wanted, f"create it with {commands.create}", Harm.STOPS, waiting_helps=True)
    if spec.replication > brokers:
        yield Finding(
            spec.name,
            counted(brokers, "broker"),
            f"{counted(spec.replication, 'broker')}, one for each copy",
            f"start more, or set SIGHTSTREAM_REPLICATION={brokers}",
            Harm.STOPS,
            waiting_helps=True,
        )
    if (in_sync := int(spec.config.get(IN_SYNC, 1))) > spec.replication:
        yield Finding(
            spec.name,
            f"SIGHTSTREAM_MIN_INSYNC={in_sync}",
            f"{spec.replication} or less, as there are to be {counted(spec.replication, 'copy')}",
            "set it, or SIGHTSTREAM_REPLICATION",
            Harm.STOPS,
        )


def _partitions(
    spec: TopicSpec, specs: Sequence[TopicSpec], topics: Mapping[str, FoundTopic], commands: OperatorCommands
) -> Iterator[Finding]:
    count = len(topics[spec.name].partitions)
    if count == spec.partitions:
        return
    advice = f"delete it with {commands.delete(spec.name)} and create it with {commands.create}"
    if not spec.by_session:
        yield Finding(spec.name, counted(count, "partition"), str(spec.partitions), advice, Harm.DIFFERS)
        return
    if {len(topics[each.name].partitions) for each in specs if each.by_session and each.name in topics} == {count}:
        advice = f"set SIGHTSTREAM_PARTITIONS={count} for all gateways and workers, or delete these topics"
    yield Finding(
        spec.name,
        counted(count, "partition"),
        f"{spec.partitions}, the same for all topics that are divided by session",
        advice,
        Harm.STOPS,
    )


def _copies(spec: TopicSpec, topic: FoundTopic) -> Iterator[Finding]:
    copies = min(each.copies for each in topic.partitions)
    if copies != spec.replication:
        advice, harm = f"set SIGHTSTREAM_REPLICATION={copies}", Harm.UNKNOWN
        if copies < spec.replication:
            advice, harm = f"make more with `kafka-reassign-partitions.sh`, or {advice}", Harm.LOSES
        yield Finding(spec.name, counted(copies, "copy"), str(spec.replication), advice, harm)
    needed = min(copies, int((topic.config or spec.config).get(IN_SYNC, 1)))
    partitions = [*enumerate(topic.partitions)]
    headless = [number for number, each in partitions if each.leader < 0]
    refusing = [number for number, each in partitions if 0 < each.in_sync < needed]
    behind = [number for number, each in partitions if needed <= each.in_sync < each.copies]
    for numbers, found, wanted, harm in (
        (headless, "no leader", "one", Harm.LOSES),
        (refusing, f"fewer than {IN_SYNC}={needed} copies that are up to date", "all copies", Harm.LOSES),
        (behind, "a copy that is not up to date", "all copies", Harm.DIFFERS),
    ):
        if numbers:
            which = f"partition{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
            advice = "check that all brokers are up"
            yield Finding(spec.name, f"{found} in {which}", wanted, advice, harm, waiting_helps=True)
