from streams.contract.settings import Settings
from streams.contract.topics import (
    FRAMES,
    PREDICTIONS,
    REJECTED,
    SESSIONS,
    WORKERS,
    frames_topic,
    group_of,
    topic_specs,
)


def test_frames_answers_and_statistics_of_a_session_are_on_the_same_worker() -> None:
    specs = {spec.name: spec for spec in topic_specs(Settings(partitions=7))}
    assert {specs[name].partitions for name in (FRAMES, PREDICTIONS, SESSIONS)} == {7}
    assert {specs[name].partitions for name in (REJECTED, WORKERS)} == {1}


def test_every_topic_has_the_replication_of_the_settings() -> None:
    assert {spec.replication for spec in topic_specs(Settings(replication=3))} == {3}


def test_frames_are_deleted_after_their_retention_and_statistics_never() -> None:
    specs = {spec.name: spec.config for spec in topic_specs(Settings(frame_retention_s=120))}
    assert specs[FRAMES]["retention.ms"] == "120000"
    assert int(specs[FRAMES]["segment.ms"]) <= 120_000 / 4  # Kafka deletes only whole segments
    assert specs[SESSIONS]["cleanup.policy"] == "compact"
    assert "retention.ms" not in specs[SESSIONS]


def test_the_largest_frame_fits_into_a_message() -> None:
    specs = {spec.name: spec.config for spec in topic_specs(Settings(max_frame_bytes=2_000_000))}
    for name in (FRAMES, REJECTED):
        assert int(specs[name]["max.message.bytes"]) > 2_000_000


def test_a_pool_has_frames_and_a_group_of_its_own() -> None:
    specs = {spec.name: spec for spec in topic_specs(Settings(pool="large"))}
    assert specs[frames_topic("large")].partitions == specs[FRAMES].partitions
    assert group_of("large") != group_of("")


def test_kafka_sets_the_times_by_which_machines_compare_their_clocks() -> None:
    specs = {spec.name: spec.config for spec in topic_specs(Settings())}
    assert all(specs[name]["message.timestamp.type"] == "LogAppendTime" for name in (FRAMES, PREDICTIONS, WORKERS))
