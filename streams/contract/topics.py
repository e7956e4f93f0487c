"""The topics of Kafka: their names, partitions and settings, and which processes read and write them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from streams.contract.settings import Settings

FRAMES = "sightstream.frames"
PREDICTIONS = "sightstream.predictions"
REJECTED = "sightstream.rejected"  # messages that are not valid frames
WORKERS = "sightstream.workers"  # the status of each worker
MODELS = "sightstream.models"  # what the workers of each pool serve; Kafka keeps the newest
SESSIONS = "sightstream.sessions"  # the statistics of each session; Kafka keeps the newest ones

GATEWAYS = "sightstream-gateways"  # the consumer group in which the gateways share out the partitions

MINUTE_MS = 60_000


class Role(StrEnum):
    """A kind of process or person that uses the topics."""

    GATEWAY = "gateway"
    WORKER = "worker"
    OPERATOR = "operator"  # creates and checks the topics, compares the books, says what a pool serves


def frames_topic(pool: str) -> str:
    """The topic of the frames for the models of a pool of workers; "" is the main pool."""
    return f"{FRAMES}.{pool}" if pool else FRAMES


def group_of(pool: str) -> str:
    """The consumer group of a pool of workers."""
    return f"sightstream.{pool}" if pool else "sightstream"


@dataclass(frozen=True)
class TopicSpec:
    """How a topic is created, and who uses it. ``config`` has the names and values of Kafka's topic settings.

    ``by_session``: its messages are divided by session, in the same way as those of all such topics.
    """

    name: str
    partitions: int
    replication: int = 1
    config: Mapping[str, str] = field(default_factory=dict)
    by_session: bool = False
    readers: Sequence[Role] = ()
    writers: Sequence[Role] = ()


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """The topics that must exist before workers and gateways start.

    Frames, predictions and the table of sessions have the same number of partitions. So the frames, the answers and
    the statistics of a session are on the same worker.
    """
    gateway, worker, operator = Role
    keeper = [worker] if not settings.pool else []  # the main pool keeps the statistics
    frames_ms = int(settings.frame_retention_s * 1000)
    largest = {"max.message.bytes": str(settings.max_message_bytes)}

    def spec(
        name: str,
        readers: Sequence[Role],
        writers: Sequence[Role],
        config: Mapping[str, str],
        by_session: bool = False,
    ) -> TopicSpec:
        partitions = settings.partitions if by_session else 1
        config = {**config, "min.insync.replicas": str(settings.min_insync)}
        return TopicSpec(name, partitions, settings.replication, config, by_session, readers, writers)

    # Kafka deletes only whole segments, so segments must be short; it goes by its own clock, not by the senders'
    append_time = {"message.timestamp.type": "LogAppendTime"}
    minutes = {"retention.ms": str(10 * MINUTE_MS), "segment.ms": str(2 * MINUTE_MS), **append_time}
    table = {"cleanup.policy": "compact", "segment.ms": str(10 * MINUTE_MS)}
    frames = {
        "retention.ms": str(frames_ms),
        "segment.ms": str(max(10_000, frames_ms // 4)),
        "segment.bytes": str(max(64 * 2**20, settings.max_message_bytes)),
        **largest,
        **append_time,
    }
    return [
        *(
            spec(frames_topic(pool), [worker] if pool == settings.pool else [], [gateway], frames, by_session=True)
            for pool in sorted({"", settings.pool})
        ),
        spec(PREDICTIONS, [gateway, *keeper, operator], [gateway, worker], minutes, by_session=True),
        spec(REJECTED, [operator], [gateway, worker], {"retention.ms": str(60 * MINUTE_MS), **largest}),
        spec(WORKERS, [gateway, worker, operator], [worker], minutes),
        spec(MODELS, [worker, operator], [worker, operator], {"cleanup.policy": "compact"}),
        spec(SESSIONS, [gateway, *keeper, operator], keeper, table, by_session=True),
    ]
