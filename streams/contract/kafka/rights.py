"""What each process needs to be allowed in Kafka, and no more: the access control list (ACL) of a cluster."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from streams.contract.settings import Settings
from streams.contract.topics import Role, group_of, topic_specs


class Operation(StrEnum):
    """An operation as Kafka's tools name it. Who may read, write or create may also describe."""

    READ = "Read"
    WRITE = "Write"
    CREATE = "Create"
    DESCRIBE = "Describe"
    DESCRIBE_CONFIGS = "DescribeConfigs"


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
_MANAGE = (Operation.CREATE, Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS)


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
    group = {Role.WORKER: Operation.READ, Role.OPERATOR: Operation.DESCRIBE}
    if role in group:
        found.append(Right(Kind.GROUP, group_of(settings.pool), (group[role],)))
    return tuple(found)


RIGHTS: Mapping[str, tuple[Right, ...]] = {role: rights(role, Settings()) for role in Role}


def needs(role: str, kind: Kind, name: str) -> tuple[Operation, ...]:
    """The operations on a resource that a role needs; empty for none."""
    return next((each.operations for each in RIGHTS.get(role, ()) if (each.kind, each.name) == (kind, name)), ())


def commands(
    role: str, user: str = "", options: str = "--bootstrap-server HOST:PORT --command-config FILE"
) -> Iterator[str]:
    """The commands of Kafka's own tool that give a role's rights to a user, who is named like it by default."""
    for right in RIGHTS[role]:
        operations = " ".join(f"--operation {each}" for each in right.operations)
        resource = f"--{right.kind} {right.name}"
        yield f"kafka-acls.sh {options} --add --allow-principal User:{user or role} {operations} {resource}"
