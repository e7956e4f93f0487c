"""Which partition has a session: the same one in every topic whose keys are sessions."""

from aiokafka.partitioner import DefaultPartitioner

_hash = DefaultPartitioner()


def partition_of(session: str, partitions: int) -> int:
    """The partition of a session where a topic has so many; Kafka's clients choose it from the hash of the key."""
    numbers = range(partitions)
    return int(_hash(session.encode(), numbers, numbers))
