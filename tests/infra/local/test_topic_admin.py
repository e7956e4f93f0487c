import pytest

from infra.local.topic_admin import TopicMismatch, check, unready
from streams.contract.topics import TopicSpec

FRAMES, PREDICTIONS = TopicSpec("frames", 4), TopicSpec("predictions", 4)


def test_topics_that_are_missing_or_alike_pass() -> None:
    check([FRAMES, PREDICTIONS], {"frames": 4})


def test_topic_with_another_partition_count_is_named_with_both_counts() -> None:
    with pytest.raises(TopicMismatch, match="frames has 3 where 4 are wanted") as raised:
        check([FRAMES, PREDICTIONS], {"frames": 3, "predictions": 4})

    assert "predictions" not in str(raised.value)


def test_topic_is_unready_until_each_partition_has_a_leader() -> None:
    leaders = {"frames": [1, 1, -1, 1], "predictions": [1, 1, 1, 1]}

    assert unready([FRAMES, PREDICTIONS], leaders) == ["frames"]
    assert unready([FRAMES], {}) == ["frames"]
    assert unready([FRAMES], {"frames": [1, 1, 1, 1]}) == []
