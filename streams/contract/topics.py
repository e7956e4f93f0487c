"""The topics: their names, how many partitions each has, and how long it keeps its messages."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from streams.contract.settings import Settings

FRAMES = "sightstream.frames"
PREDICTIONS = "sightstream.predictions"
REJECTED = "sightstream.rejected"
WORKERS = "sightstream.workers"
SESSIONS = "sightstream.sessions"

MINUTE_MS = 60_000


@dataclass(frozen=True)
class TopicSpec:
    """What a topic is to be: ``config`` has Kafka's own names and values."""

    name: str
    partitions: int
    replication: int = 1
    config: Mapping[str, str] = field(default_factory=dict)


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """The topics that a cluster needs before workers and gateways start.

    Frames, predictions and the sessions' table have the same number of partitions. So one worker has a session's
    frames, its answers and its statistics.
    """
    frames_ms = int(settings.frame_retention_s * 1000)
    largest = str(4 * settings.max_frame_bytes)

    def spec(name: str, partitions: int, **config: str) -> TopicSpec:
        return TopicSpec(
            name, partitions, settings.replication, {key.replace("_", "."): v for key, v in config.items()}
        )

    # Kafka deletes whole segments only, so segments must be short
    return [
        spec(
            FRAMES,
            settings.partitions,
            retention_ms=str(frames_ms),
            segment_ms=str(max(10_000, frames_ms // 4)),
            segment_bytes=str(64 * 2**20),
            max_message_bytes=largest,
        ),
        spec(PREDICTIONS, settings.partitions, retention_ms=str(10 * MINUTE_MS), segment_ms=str(2 * MINUTE_MS)),
        spec(REJECTED, 1, retention_ms=str(60 * MINUTE_MS), max_message_bytes=largest),
        spec(WORKERS, 1, retention_ms=str(10 * MINUTE_MS), segment_ms=str(2 * MINUTE_MS)),
        spec(SESSIONS, settings.partitions, cleanup_policy="compact", segment_ms=str(10 * MINUTE_MS)),
    ]
