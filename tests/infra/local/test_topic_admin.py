from dataclasses import replace

import pytest

from infra.local.topic_admin import TopicsWrong, check, creatable, with_copies, with_other_settings
from streams.contract.kafka.rights import Operation
from streams.contract.kafka.topics.state import FoundPartition, FoundState
from streams.contract.settings import Settings
from streams.contract.topics import FRAMES, MODELS, PREDICTIONS, REJECTED, SESSIONS, WORKERS, topic_specs
from tests.fakes.topic_states import as_wanted, with_partitions, with_settings, with_topic

SETTINGS = Settings()
SPECS = topic_specs(SETTINGS)
GOOD = as_wanted(SPECS)


def names(state: FoundState) -> list[str]:
    return [spec.name for spec in creatable(SPECS, state)]


def test_what_is_missing_is_created_and_nothing_else() -> None:
    assert names(GOOD) == []
    assert names(with_topic(with_topic(GOOD, FRAMES, None), MODELS, None)) == [FRAMES, MODELS]
    assert names(replace(GOOD, topics={})) == [spec.name for spec in SPECS]


def test_no_topic_is_created_beside_one_that_is_divided_by_session_in_another_way() -> None:
    state = with_partitions(GOOD, PREDICTIONS, [FoundPartition(1, 1, 1)] * 8)
    for name in (FRAMES, SESSIONS, WORKERS):
        state = with_topic(state, name, None)
    assert names(state) == [WORKERS]


def test_a_topic_that_this_user_may_not_see_is_not_created() -> None:
    state = replace(with_topic(GOOD, REJECTED, None), denied=frozenset({(REJECTED, Operation.DESCRIBE)}))
    assert names(state) == []
    assert names(replace(state, denied=frozenset({(REJECTED, Operation.WRITE)}))) == [REJECTED]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        (FRAMES, {"max.message.bytes": "1000"}),
        (SESSIONS, {"cleanup.policy": "delete"}),
        (FRAMES, {"retention.ms": "1"}),
    ],
)
def test_a_stack_does_not_start_on_a_topic_that_loses_messages(name: str, settings: dict[str, str]) -> None:
    with pytest.raises(TopicsWrong, match=rf"^{name}: .*; wanted: .*; `kafka-configs.sh ") as raised:
        check(SPECS, with_settings(GOOD, name, settings), SETTINGS)
    assert "\n" not in str(raised.value)


def test_a_stack_waits_for_what_comes_by_itself() -> None:
    leaderless = with_partitions(GOOD, FRAMES, [FoundPartition(-1, 1, 1)] * 4)
    assert [each.topic for each in check(SPECS, leaderless, SETTINGS)] == [FRAMES]
    assert [each.topic for each in check(SPECS, with_topic(GOOD, FRAMES, None), SETTINGS)] == [FRAMES]
    assert check(SPECS, GOOD, SETTINGS) == []


def test_settings_are_changed_only_of_topics_that_have_others() -> None:
    assert with_other_settings(SPECS, GOOD) == []
    state = with_settings(with_topic(GOOD, MODELS, None), WORKERS, {"segment.ms": "604800000"})
    state = with_settings(state, FRAMES, {"segment.index.bytes": "1000"})  # nothing is wanted of it
    assert [spec.name for spec in with_other_settings(SPECS, state)] == [WORKERS]


@pytest.mark.parametrize(
    ("count", "said", "copies"),
    [
        (1, {}, (1, 1)),
        (3, {}, (3, 2)),
        (3, {"replication": 1}, (1, 1)),
        (3, {"replication": 2}, (2, 1)),
        (3, {"min_insync": 1}, (3, 1)),
        (1, {"min_insync": 2}, (1, 2)),
    ],
)
def test_topics_have_a_copy_on_each_of_three_brokers_unless_the_settings_say_otherwise(
    count: int, said: dict[str, int], copies: tuple[int, int]
) -> None:
    settings = with_copies(Settings().replace(**said), count)

    assert (settings.replication, settings.min_insync) == copies
