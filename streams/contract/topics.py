"""The topics of Kafka: their names, their numbers of partitions, and how long they keep messages."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from streams.contract.settings import Settings

FRAMES = "sightstream.frames"
PREDICTIONS = "sightstream.predictions"
REJECTED = "sightstream.rejected"  # messages that are not valid frames
WORKERS = "sightstream.workers"  # the status of each worker
MODELS = "sightstream.models"  # what the workers of each pool serve; Kafka keeps the newest
SESSIONS = "sightstream.sessions"  # the statistics of each session; Kafka keeps the newest ones

GATEWAYS = "sightstream.gateways"  # the consumer group in which the gateways share out the partitions

MINUTE_MS = 60_000


def frames_topic(pool: str) -> str:
    """The topic of the frames for the models of a pool of workers; "" is the main pool."""
    return f"{FRAMES}.{pool}" if pool else FRAMES


def group_of(pool: str) -> str:
    """The consumer group of a pool of workers."""
    return f"sightstream.{pool}" if pool else "sightstream"


@dataclass(frozen=True)
class TopicSpec:
    """How a topic is created. ``config`` has the names and values of Kafka's topic settings."""

    name: str
    partitions: int
    replication: int = 1
    config: Mapping[str, str] = field(default_factory=dict)


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """The topics that must exist before workers and gateways start.

    Frames, predictions and the table of sessions have the same number of partitions. So the frames, the answers and
    the statistics of a session are on the same worker.
    """
    frames_ms = int(settings.frame_retention_s * 1000)
    max_message = str(settings.max_message_bytes)

    def spec(name: str, partitions: int, **config: str) -> TopicSpec:
        return TopicSpec(
            name, partitions, settings.replication, {key.replace("_", "."): v for key, v in config.items()}
        )

    # Kafka deletes only whole segments, so segments must be short
    frames = [
        spec(
            frames_topic(pool),
            settings.partitions,
            retention_ms=str(frames_ms),
            segment_ms=str(max(10_000, frames_ms // 4)),
            segment_bytes=str(64 * 2**20),
            max_message_bytes=max_message,
        )
        for pool in sorted({"", settings.pool})
    ]
    return [
        *frames,
        spec(PREDICTIONS, settings.partitions, retention_ms=str(10 * MINUTE_MS), segment_ms=str(2 * MINUTE_MS)),
        spec(REJECTED, 1, retention_ms=str(60 * MINUTE_MS), max_message_bytes=max_message),
        spec(WORKERS, 1, retention_ms=str(10 * MINUTE_MS), segment_ms=str(2 * MINUTE_MS)),
        spec(MODELS, 1, cleanup_policy="compact"),
        spec(SESSIONS, settings.partitions, cleanup_policy="compact", segment_ms=str(10 * MINUTE_MS)),
    ]
