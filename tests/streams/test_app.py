"""How Faust reads the topics: every record of any producer is a message or is set aside."""

from collections.abc import Iterator
from typing import Any

import pytest
from faust.exceptions import KeyDecodeError, ValueDecodeError
from faust.types import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams import app
from streams.app import sessions
from streams.contract.kafka.rejected import RejectedRecord
from streams.contract.stats import SessionStats
from streams.contract.topics import SESSIONS
from tests.fakes.odd_records import ODD_KEYS, OddRecord, odd_records, odd_values

STATISTICS = SessionStats("s", 1.0, 2.0).dumps()
FRAME: dict[str, object] = {"session": "s", "seq": 1, "captured": 1.0, "received": 2.0}
PREDICTION: dict[str, object] = {"session": "s", "seq": 1, "outcome": "answered", "stage": "worker", "labels": []}
STATUS: dict[str, object] = {"worker": "w", "at": 1.0, "models": []}


class Rejected:
    """Keeps what is set aside."""

    def __init__(self) -> None:
        self.records: list[RejectedRecord] = []

    def add(self, record: RejectedRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def rejected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rejected]:
    found = Rejected()
    monkeypatch.setattr(app, "set_aside", found)
    sessions.data.clear()
    yield found
    sessions.data.clear()


def delivered(topic: Any, record: OddRecord, offset: int = 0) -> Message:
    """A record as Faust's consumer hands it over."""
    timestamp_s: Any = None if record.timestamp is None else record.timestamp / 1000
    headers: Any = record.headers
    return Message(topic.get_topic_name(), 0, offset, timestamp_s, 0, headers, record.key, record.value, None)


def restore(*records: OddRecord) -> None:
    """Apply records of the changelog to the table, as a worker does when it starts."""
    table: Any = sessions
    table.restore([delivered(sessions.changelog_topic, each, at) for at, each in enumerate(records)])


def entry(key: bytes | None, value: bytes | None) -> OddRecord:
    return OddRecord(key, value, 1000, ())


def test_a_worker_that_takes_a_partition_over_reads_the_statistics_that_another_wrote() -> None:
    restore(entry(b"s", STATISTICS), entry(b"removed", STATISTICS), entry(b"removed", None))
    assert dict(sessions.data) == {"s": STATISTICS}


@pytest.mark.parametrize("key", [key for key in ODD_KEYS if key not in {b"s", b"x", b"\x00", b"k" * 5000}])
def test_entries_with_impossible_keys_are_left_out_and_set_aside(key: bytes | None, rejected: Rejected) -> None:
    restore(entry(b"s", STATISTICS), entry(key, STATISTICS), entry(key, None))
    assert dict(sessions.data) == {"s": STATISTICS}
    assert [(each.topic, each.offset) for each in rejected.records] == [(SESSIONS, 1), (SESSIONS, 2)]
    assert all("key" in each.why for each in rejected.records)


def test_values_that_are_no_messages_replace_no_statistics(rejected: Rejected) -> None:
    odd = [entry(b"s", value) for value in (b"", b"not ours", b"\x02" + STATISTICS[1:], STATISTICS[:-1])]
    restore(entry(b"s", STATISTICS), *odd)
    assert dict(sessions.data) == {"s": STATISTICS}
    assert [each.offset for each in rejected.records] == [1, 2, 3, 4]


@given(records=st.lists(odd_records({"session": "s", "started": 1.0}), max_size=5))
def test_a_restore_ends_whatever_the_changelog_holds(records: list[OddRecord]) -> None:
    restore(*records, entry(b"last", STATISTICS))
    assert sessions.data["last"] == STATISTICS
    assert all(isinstance(key, str) and isinstance(value, bytes) for key, value in sessions.data.items())


@pytest.mark.parametrize(
    ("topic", "fields"),
    [(app.frames, FRAME), (app.predictions, PREDICTION), (app.workers, STATUS)],
    ids=["frames", "predictions", "workers"],
)
class TestTopic:
    async def read(self, topic: Any, record: OddRecord, rejected: Rejected) -> Any:
        """What Faust's conductor does with a record; None if the record was set aside."""
        message = delivered(topic, record, offset=7)
        try:
            return (await topic.decode(message, propagate=True)).value
        except KeyDecodeError as error:
            await topic.on_key_decode_error(error, message)
        except ValueDecodeError as error:
            await topic.on_value_decode_error(error, message)
        [found] = rejected.records
        assert (found.topic, found.partition, found.offset) == (topic.get_topic_name(), 0, 7)
        assert found.value == record.value
        assert found.why
        rejected.records.clear()
        return None

    async def test_every_odd_value_is_a_valid_message_or_set_aside(
        self, topic: Any, fields: dict[str, object], rejected: Rejected
    ) -> None:
        for value in odd_values(fields):
            read = await self.read(topic, entry(b"s", value), rejected)
            assert read is None or read.invalid_reason() == ""

    async def test_a_record_without_a_value_says_so(
        self, topic: Any, fields: dict[str, object], rejected: Rejected
    ) -> None:
        message = delivered(topic, entry(None, None))
        with pytest.raises(ValueDecodeError) as error:
            await topic.decode(message, propagate=True)
        await topic.on_value_decode_error(error.value, message)
        assert [each.why for each in rejected.records] == ["there is no value"]

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # what was set aside is cleared below
    @given(data=st.data())
    async def test_every_odd_record_is_a_valid_message_or_set_aside(
        self, topic: Any, fields: dict[str, object], rejected: Rejected, data: st.DataObject
    ) -> None:
        rejected.records.clear()
        read = await self.read(topic, data.draw(odd_records(fields)), rejected)
        assert read is None or read.invalid_reason() == ""
