from dataclasses import replace

import pytest

from streams.contract.kafka.topics.finding import Finding, Harm
from streams.contract.kafka.topics.limits import READABLE
from streams.contract.settings import Settings
from streams.contract.topics import FRAMES, MODELS, PREDICTIONS, REJECTED, SESSIONS, WORKERS, topic_specs
from tests.fakes.topic_states import as_wanted, findings, with_settings

SETTINGS = Settings(replication=3, min_insync=2)
GOOD = as_wanted(topic_specs(SETTINGS))
LARGEST = SETTINGS.max_message_bytes
DAY_MS = "86400000"


def about(topic: str, settings: dict[str, str]) -> list[Finding]:
    """The findings about a topic that has these settings."""
    return [each for each in findings(SETTINGS, with_settings(GOOD, topic, settings)) if each.topic == topic]


@pytest.mark.parametrize(
    ("topic", "settings", "found", "wanted", "harm"),
    [
        # frames that are too large for the topic, whichever setting it is
        (FRAMES, {"max.message.bytes": "1048588"}, "max.message.bytes=1048588", f"{LARGEST} or more", Harm.LOSES),
        (REJECTED, {"max.message.bytes": "0"}, "max.message.bytes=0", f"{LARGEST} or more", Harm.LOSES),
        (FRAMES, {"segment.bytes": "1048576"}, "segment.bytes=1048576", f"{LARGEST} or more", Harm.LOSES),
        # retention of what is read once
        (FRAMES, {"retention.ms": "1000"}, "retention.ms=1000", "120000, ", Harm.LOSES),
        (FRAMES, {"retention.ms": "0"}, "retention.ms=0", "120000, ", Harm.LOSES),
        (PREDICTIONS, {"retention.ms": "60000"}, "retention.ms=60000", "600000, ", Harm.LOSES),
        (FRAMES, {"retention.bytes": "1048576"}, "retention.bytes=1048576", "-1, ", Harm.LOSES),
        (FRAMES, {"retention.ms": DAY_MS}, f"retention.ms={DAY_MS}", "120000, ", Harm.DIFFERS),
        (FRAMES, {"retention.ms": "-1"}, "retention.ms=-1", "120000, ", Harm.DIFFERS),
        # compaction of what is read once
        (FRAMES, {"cleanup.policy": "compact"}, "cleanup.policy=compact", "delete, ", Harm.LOSES),
        (
            PREDICTIONS,
            {"cleanup.policy": "compact,delete"},
            "cleanup.policy=compact,delete with",
            "delete, ",
            Harm.LOSES,
        ),
        # deletion of what is to be kept
        (
            SESSIONS,
            {"cleanup.policy": "delete"},
            "cleanup.policy=delete with retention.bytes=-1",
            "compact, ",
            Harm.LOSES,
        ),
        (
            SESSIONS,
            {"cleanup.policy": "delete,compact"},
            "cleanup.policy=delete,compact with",
            "compact, ",
            Harm.LOSES,
        ),
        (
            SESSIONS,
            {"cleanup.policy": "delete", "retention.bytes": "1000", "retention.ms": DAY_MS},
            f"cleanup.policy=delete with retention.bytes=1000, retention.ms={DAY_MS}",
            "compact, ",
            Harm.LOSES,
        ),
        (MODELS, {"cleanup.policy": "delete"}, "cleanup.policy=delete with", "compact, ", Harm.LOSES),
        # how many copies must have a message
        (
            FRAMES,
            {"min.insync.replicas": "4"},
            "min.insync.replicas=4",
            "3 or less, as there are 3 copies",
            Harm.STOPS,
        ),
        (SESSIONS, {"min.insync.replicas": "1"}, "min.insync.replicas=1", "2, ", Harm.DIFFERS),
        # whose clock counts
        (
            FRAMES,
            {"message.timestamp.type": "CreateTime"},
            "message.timestamp.type=CreateTime",
            "LogAppendTime",
            Harm.DIFFERS,
        ),
        # segments that are closed too late are no loss
        (WORKERS, {"segment.ms": DAY_MS}, f"segment.ms={DAY_MS}", "120000 or less", Harm.UNKNOWN),
    ],
)
def test_a_setting_that_is_not_as_wanted_is_named_with_both_values_and_the_command_that_changes_it(
    topic: str, settings: dict[str, str], found: str, wanted: str, harm: Harm
) -> None:
    [finding] = [each for each in about(topic, settings) if each.found.startswith(found)]
    assert finding.wanted.startswith(wanted)
    assert finding.harm == harm
    assert not finding.waiting_helps
    name = found.split("=")[0]
    assert (
        f"kafka-configs.sh --bootstrap-server 127.0.0.1:9092 --alter --topic {topic} --add-config {name}="
        in finding.advice
    )


@pytest.mark.parametrize(
    ("topic", "settings"),
    [
        (FRAMES, {"max.message.bytes": "10000000"}),
        (FRAMES, {"segment.ms": "10000", "segment.bytes": str(LARGEST)}),
        (FRAMES, {"retention.bytes": "-1"}),
        (FRAMES, {"compression.type": "uncompressed"}),
        (SESSIONS, {"retention.ms": "1000", "retention.bytes": "1"}),  # compaction alone does not look at them
        (PREDICTIONS, {"max.message.bytes": "1048588"}),  # labels are short
    ],
)
def test_settings_that_do_as_well_give_no_finding(topic: str, settings: dict[str, str]) -> None:
    assert about(topic, settings) == []


@pytest.mark.parametrize("compression", ["zstd", "lz4", "snappy", "gzip", "producer"])
def test_a_compression_that_this_installation_cannot_read_stops_everything(compression: str) -> None:
    found = [each.harm for each in about(PREDICTIONS, {"compression.type": compression})]
    assert found == ([] if compression in READABLE else [Harm.STOPS])


def test_a_broker_that_takes_no_request_as_large_as_a_message_is_named() -> None:
    state = as_wanted(topic_specs(SETTINGS))
    small = {2: {"socket.request.max.bytes": "1000000", "replica.fetch.max.bytes": "1000000"}}
    state = replace(state, brokers={**state.brokers, **small})
    found = {(each.topic, each.found): each.harm for each in findings(SETTINGS, state)}
    assert found["broker 2", "socket.request.max.bytes=1000000"] == Harm.LOSES
    assert found["broker 2", "replica.fetch.max.bytes=1000000"] == Harm.UNKNOWN
    assert ("broker 1", "socket.request.max.bytes=104857600") not in found


def test_a_smaller_largest_frame_needs_less() -> None:
    settings = Settings(max_frame_bytes=100_000)
    state = with_settings(as_wanted(topic_specs(settings)), FRAMES, {"max.message.bytes": "1048588"})
    assert [each for each in findings(settings, state) if each.harm] == []


def test_a_broker_that_does_not_answer_is_named() -> None:
    state = replace(GOOD, brokers={**GOOD.brokers, 3: {}})
    [silent] = [each for each in findings(SETTINGS, state) if each.harm]
    assert (silent.topic, silent.found, silent.harm, silent.waiting_helps) == (
        "broker 3",
        "no answer",
        Harm.DIFFERS,
        True,
    )
