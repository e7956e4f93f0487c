import pytest

from infra.local.topic_admin import TopicMismatch, check_partitions, without_leader
from streams.contract.topics import TopicSpec

FRAMES, PREDICTIONS = TopicSpec("frames", 4), TopicSpec("predictions", 4)


def test_missing_topics_and_equal_partition_counts_are_accepted() -> None:
    check_partitions([FRAMES, PREDICTIONS], {"frames": [1] * 4})


def test_topic_with_another_partition_count_is_named_with_both_counts() -> None:
    with pytest.raises(TopicMismatch, match="frames has 3, not 4") as raised:
        check_partitions([FRAMES, PREDICTIONS], {"frames": [1] * 3, "predictions": [1] * 4})

    assert "predictions" not in str(raised.value)


def test_topic_waits_until_each_partition_has_a_leader() -> None:
    leaders = {"frames": [1, 1, -1, 1], "predictions": [1, 1, 1, 1]}

    assert without_leader([FRAMES, PREDICTIONS], leaders) == ["frames"]
    assert without_leader([FRAMES], {}) == ["frames"]
    assert without_leader([FRAMES], {"frames": [1, 1, 1, 1]}) == []
