"""How Faust reads the topics."""

from typing import Any

import pytest
from faust.types import Message

from streams.app import sessions
from streams.contract.stats import SessionStats


@pytest.mark.parametrize("value", [SessionStats("s", 1.0, 2.0).dumps(), None])
async def test_a_worker_that_takes_a_partition_over_reads_the_statistics_that_another_wrote(
    value: bytes | None,
) -> None:
    topic: Any = sessions.changelog_topic
    written = Message(topic.get_topic_name(), 0, 0, 1.0, 0, {}, b"s", value, None)
    read = await topic.decode(written, propagate=True)
    assert (read.key, read.value) == ("s", value)
