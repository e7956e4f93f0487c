import struct

import pytest
from aiokafka import TopicPartition
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from streams.contract.rejected import MAX_REASON, ReadableRecords, RejectedRecord


def test_the_headers_say_where_the_record_was_and_why_it_cannot_be_used() -> None:
    headers = dict(RejectedRecord("topic", 3, 8, "no value").headers())
    assert headers == {"topic": b"topic", "partition": b"3", "offset": b"8", "why": b"no value"}


@pytest.mark.parametrize("why", ["", "x" * 100_000, "two\nlines", "\ud800", "\x00\x1b[31m", "日本" * 10_000])
def test_a_reason_of_foreign_origin_is_one_short_line(why: str) -> None:
    record = RejectedRecord("topic", 0, 0, why)
    line = str(record)
    assert line.isprintable()
    assert len(line) < MAX_REASON + 50
    assert len(dict(record.headers())["why"]) <= 4 * MAX_REASON


@pytest.mark.parametrize(
    ("value", "body"), [(None, b""), (b"", b""), (b"short", b"short"), (bytes(20_000), bytes(5904))]
)
def test_the_body_is_never_missing_and_never_too_long(value: bytes | None, body: bytes) -> None:
    assert RejectedRecord("topic", 0, 0, "why", value).body(10_000) == body


def batch(first_offset: int, headers: list[tuple[str, bytes | None]], values: list[bytes]) -> bytes:
    """A batch of records as Kafka stores it; in names of headers, "??" are bytes that are no UTF-8."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 100_000)
    for place, value in enumerate(values):
        builder.append(place, 1000, b"key", value, headers if place else [])
    stored = bytearray(bytes(builder.build()).replace(b"??", b"\xff\xfe"))
    struct.pack_into("!q", stored, 0, first_offset)
    struct.pack_into("!I", stored, 17, calc_crc32c(bytes(stored[21:])))
    return bytes(stored)


@pytest.mark.parametrize("after", [0, 1], ids=["at the end", "before a good batch"])
def test_a_reader_gets_past_a_header_that_is_no_utf_8(after: int) -> None:
    stored = batch(0, [("name", b"")], [b"a", b"b"]) + batch(2, [("??", b"")], [b"c", b"d", b"e"])
    stored += batch(5, [], [b"f"]) * after
    records = ReadableRecords(TopicPartition("topic", 3), MemoryRecords(stored), None, 0, None, None, True, 0)
    read = [(each.offset, each.key, each.value) for each in records]
    expected = [(0, b"key", b"a"), (1, b"key", b"b"), (2, b"key", b"c"), (4, None, None), (5, b"key", b"f")]
    assert read == expected[: 4 + after]
    assert records.next_fetch_offset == 5 + after
