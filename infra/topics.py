"""Sightstream's topics: how many partitions each has, and how long it keeps what."""

from infra.kafka.topics import TopicSpec
from streams.messages import FRAMES, PREDICTIONS, REJECTED, SESSIONS, WORKERS
from streams.settings import Settings

MINUTE_MS = 60_000


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """What a cluster needs before workers and gateways start.

    Frames, predictions and the table of sessions have the same number of partitions: a session's frames, answers
    and statistics then belong to one worker.
    """
    frames_ms = int(settings.frame_retention_s * 1000)
    largest = str(4 * settings.max_frame_bytes)

    def spec(name: str, partitions: int, **config: str) -> TopicSpec:
        return TopicSpec(
            name, partitions, settings.replication, {key.replace("_", "."): v for key, v in config.items()}
        )

    # retention works on whole segments: they must be short for it to be so
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
