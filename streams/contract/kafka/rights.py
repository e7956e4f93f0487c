"""What each process needs to be allowed in Kafka, and no more: the access control list (ACL) of a cluster."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from streams.contract.topics import FRAMES, PREDICTIONS, REJECTED, SESSIONS, WORKERS

GROUP = "sightstream"  # of the workers, who share the partitions


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


def _topic(name: str, *operations: Operation) -> Right:
    return Right(Kind.TOPIC, name, operations)


_MANAGE = (Operation.CREATE, Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS)

RIGHTS: Mapping[str, tuple[Right, ...]] = {
    "gateway": (
        _topic(FRAMES, Operation.WRITE),
        _topic(PREDICTIONS, Operation.READ, Operation.WRITE),  # it publishes frames that it dropped itself
        _topic(REJECTED, Operation.WRITE),
        _topic(WORKERS, Operation.READ),
        _topic(SESSIONS, Operation.READ),
    ),
    "worker": (
        _topic(FRAMES, Operation.READ),
        _topic(PREDICTIONS, Operation.READ, Operation.WRITE),
        _topic(REJECTED, Operation.WRITE),
        _topic(WORKERS, Operation.WRITE),
        _topic(SESSIONS, Operation.READ, Operation.WRITE),
        Right(Kind.GROUP, GROUP, (Operation.READ,)),
    ),
    # who creates and checks the topics, and compares the books
    "operator": (
        _topic(FRAMES, *_MANAGE),
        _topic(PREDICTIONS, *_MANAGE, Operation.READ),
        _topic(REJECTED, *_MANAGE, Operation.READ),
        _topic(WORKERS, *_MANAGE, Operation.READ),
        _topic(SESSIONS, *_MANAGE, Operation.READ),
        Right(Kind.GROUP, GROUP, (Operation.DESCRIBE,)),
    ),
}


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
