"""What each process needs to be allowed in Kafka, and no more: the access control list (ACL) of a cluster."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from streams.contract.topics import (
    FRAMES,
    GATEWAYS,
    MODELS,
    PREDICTIONS,
    REJECTED,
    SESSIONS,
    WORKERS,
    frames_topic,
    group_of,
)


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


def _topic(name: str, *operations: Operation) -> Right:
    return Right(Kind.TOPIC, name, operations)


GROUP = group_of("")  # of the workers, who share the partitions
CLUSTER = "kafka-cluster"  # the name that every cluster has
_MANAGE = (Operation.CREATE, Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS, Operation.ALTER_CONFIGS)
_READ_MANAGE = (*_MANAGE, Operation.READ)


def rights(pools: Sequence[str] = ("",)) -> dict[str, tuple[Right, ...]]:
    """The rights of each role: the gateways, the workers, and the operator.

    The operator creates and checks the topics, compares the books, and says what workers serve. ``pools`` are those
    of the workers, "" the main one. A user for the workers of one pool alone gets the rights for this pool.
    """
    frames, groups = [frames_topic(each) for each in pools], [group_of(each) for each in pools]
    return {
        "gateway": (
            *(_topic(each, Operation.WRITE) for each in frames),
            _topic(PREDICTIONS, Operation.READ, Operation.WRITE),  # it publishes frames that it dropped itself
            _topic(REJECTED, Operation.WRITE),
            _topic(WORKERS, Operation.READ),
            _topic(SESSIONS, Operation.READ),
            Right(Kind.GROUP, GATEWAYS, (Operation.READ,)),
        ),
        "worker": (
            *(_topic(each, Operation.READ) for each in frames),
            _topic(PREDICTIONS, Operation.READ, Operation.WRITE),
            _topic(REJECTED, Operation.WRITE),
            _topic(WORKERS, Operation.READ, Operation.WRITE),
            _topic(MODELS, Operation.READ, Operation.WRITE),
            _topic(SESSIONS, Operation.READ, Operation.WRITE),
            *(Right(Kind.GROUP, each, (Operation.READ,)) for each in groups),
        ),
        "operator": (
            *(_topic(each, *_MANAGE) for each in frames),
            _topic(PREDICTIONS, *_READ_MANAGE),
            _topic(REJECTED, *_READ_MANAGE),
            _topic(WORKERS, *_READ_MANAGE),
            _topic(MODELS, *_READ_MANAGE, Operation.WRITE),
            _topic(SESSIONS, *_READ_MANAGE),
            *(Right(Kind.GROUP, each, (Operation.DESCRIBE,)) for each in (*groups, GATEWAYS)),
            Right(Kind.CLUSTER, CLUSTER, (Operation.DESCRIBE_CONFIGS,)),
        ),
    }


ROLES = tuple(rights())


def needs(role: str, kind: Kind, name: str) -> tuple[Operation, ...]:
    """The operations on a resource that a role needs; empty for none."""
    prefix = FRAMES if kind == Kind.TOPIC else GROUP
    pool = name.removeprefix(f"{prefix}.") if name.startswith(f"{prefix}.") else ""
    known = rights(("", pool)).get(role, ())
    return next((each.operations for each in known if (each.kind, each.name) == (kind, name)), ())


def commands(role: str) -> Iterator[str]:
    """What kafka-acls.sh needs after ``--allow-principal`` to give a role's rights to a user of this name."""
    for right in rights()[role]:
        operations = " ".join(f"--operation {each}" for each in right.operations)
        resource = f"--{right.kind}" if right.kind == Kind.CLUSTER else f"--{right.kind} {right.name}"
        yield f"User:{role} {operations} {resource}"
