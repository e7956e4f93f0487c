"""Batches of records that aiokafka cannot read."""

import struct

import pytest
from aiokafka import TopicPartition
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from streams.contract.kafka.readable_records import ReadableRecords


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


@pytest.mark.parametrize("compression", [1, 2, 3, 4, 5, 6, 7], ids=["gzip", "snappy", "lz4", "zstd", "5", "6", "7"])
def test_a_reader_gets_past_a_batch_that_cannot_be_uncompressed(compression: int) -> None:
    compressed = bytearray(batch(2, [], [b"c", b"d", b"e"]))
    struct.pack_into("!h", compressed, 21, compression)  # the attributes; what follows is no such compression
    struct.pack_into("!I", compressed, 17, calc_crc32c(bytes(compressed[21:])))
    stored = batch(0, [], [b"a", b"b"]) + bytes(compressed) + batch(5, [], [b"f"])
    records = ReadableRecords(TopicPartition("topic", 3), MemoryRecords(stored), None, 0, None, None, True, 0)
    read = [(each.offset, each.value) for each in records]
    assert read == [(0, b"a"), (1, b"b"), (4, None), (5, b"f")]


def test_a_reader_gets_past_a_batch_whose_checksum_is_wrong() -> None:
    broken = bytearray(batch(2, [], [b"c", b"d"]))
    broken[-1] ^= 1
    stored = batch(0, [], [b"a", b"b"]) + bytes(broken) + batch(4, [], [b"f"])
    records = ReadableRecords(TopicPartition("topic", 3), MemoryRecords(stored), None, 0, None, None, True, 0)
    assert [(each.offset, each.value) for each in records] == [(0, b"a"), (1, b"b"), (3, None), (4, b"f")]
