"""What each process needs to be allowed in Kafka, and no more: the access control list (ACL) of a cluster."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from streams.contract.settings import Settings
from streams.contract.topics import FRAMES, GATEWAYS, Role, group_of, topic_specs


class Operation(StrEnum):
    """An operation as Kafka's tools name it. Who may read, write or create may also describe."""

    READ = "Read"
    WRITE = "Write"
    CREATE = "Create"
    DESCRIBE = "Describe"
    DESCRIBE_CONFIGS = "DescribeConfigs"
    ALTER_CONFIGS = "AlterConfigs"


class Kind(StrEnum):
    """The kind of a resource."""

    TOPIC = "topic"
    GROUP = "group"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Right:
    """Operations on a resource that one role needs."""

    kind: Kind
    name: str
    operations: tuple[Operation, ...]


GROUP = group_of("")  # of the workers, who share the partitions
CLUSTER = "kafka-cluster"  # the name that every cluster has
_MANAGE = (Operation.CREATE, Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS, Operation.ALTER_CONFIGS)


def rights(role: Role, settings: Settings) -> tuple[Right, ...]:
    """What a role needs with these settings."""
    found = []
    for spec in topic_specs(settings):
        operations = [
            *(_MANAGE if role == Role.OPERATOR else ()),
            *([Operation.READ] if role in spec.readers else []),
            *([Operation.WRITE] if role in spec.writers else []),
        ]
        if operations:
            found.append(Right(Kind.TOPIC, spec.name, tuple(operations)))
    for group, member in ((group_of(settings.pool), Role.WORKER), (GATEWAYS, Role.GATEWAY)):
        if role in (member, Role.OPERATOR):
            operation = Operation.READ if role == member else Operation.DESCRIBE
            found.append(Right(Kind.GROUP, group, (operation,)))
    if role == Role.OPERATOR:  # the settings of the brokers
        found.append(Right(Kind.CLUSTER, CLUSTER, (Operation.DESCRIBE_CONFIGS,)))
    return tuple(found)


RIGHTS: Mapping[str, tuple[Right, ...]] = {role: rights(role, Settings()) for role in Role}


def needs(role: str, kind: Kind, name: str) -> tuple[Operation, ...]:
    """The operations on a resource that a role needs; empty for none."""
    prefix = f"{FRAMES if kind == Kind.TOPIC else GROUP}."
    pool = name.removeprefix(prefix) if name.startswith(prefix) and name != GATEWAYS else ""
    found = rights(Role(role), Settings(pool=pool)) if pool and role else RIGHTS.get(role, ())
    return next((each.operations for each in found if (each.kind, each.name) == (kind, name)), ())


def commands(role: str) -> Iterator[str]:
    """What kafka-acls.sh needs after ``--allow-principal`` to give a role's rights to a user of this name."""
    for right in RIGHTS[role]:
        operations = " ".join(f"--operation {each}" for each in right.operations)
        resource = f"--{right.kind}" if right.kind == Kind.CLUSTER else f"--{right.kind} {right.name}"
        yield f"User:{role} {operations} {resource}"
