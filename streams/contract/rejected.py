"""Records that cannot be used, as they are set aside: they go to a topic of their own, where people can look at them.

Each has the headers ``topic``, ``partition``, ``offset`` and ``why``. Its value is that of the record, cut off where
it is too long to be sent again.
"""

from dataclasses import dataclass
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords

MAX_REASON = 500  # characters
HEADERS_BYTES = 4096  # more than all headers and the key of a record take


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record of ``topic`` that cannot be used, and ``why``. ``offset`` is -1 where it is not known any more."""

    topic: str
    partition: int
    offset: int
    why: str
    value: bytes | None = None

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}: {one_line(self.why)}"

    def headers(self) -> list[tuple[str, bytes]]:
        """The headers of the record that is set aside."""
        texts = {
            "topic": self.topic,
            "partition": str(self.partition),
            "offset": str(self.offset),
            "why": one_line(self.why),
        }
        return [(name, text.encode(errors="backslashreplace")) for name, text in texts.items()]

    def body(self, max_bytes: int) -> bytes:
        """The value of the record that is set aside, so that all of it has at most ``max_bytes``. Never None:
        Kafka's clients send no record that has neither key nor value.
        """
        return (self.value or b"")[: max(0, max_bytes - HEADERS_BYTES)]


def one_line(text: str) -> str:
    """A text of foreign origin as part of a log line: printable, without line breaks, not too long."""
    line = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text[:MAX_REASON])
    return line[:MAX_REASON]


class ReadableRecords(PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka's records of one partition, without those of batches that it cannot read.

    A header whose name is no UTF-8, which Kafka takes, raises there, at each try to read on: no consumer would ever
    get past it. Instead of what is left of such a batch comes one record without key and value, with the offset of
    the batch's last record. It is then set aside like any other record that cannot be used.
    """

    def __init__(self, tp: TopicPartition, records: Any, *options: Any) -> None:
        self._batches = _Batches(records)
        super().__init__(tp, self._batches, *options)

    def __next__(self) -> ConsumerRecord:
        try:
            record: ConsumerRecord = super().__next__()
        except UnicodeDecodeError:
            # the generator has ended with the error; the next one begins at the next batch
            self._records_iterator = self._unpack_records()
            self.next_fetch_offset = self._batches.newest.next_offset
            offset = self.next_fetch_offset - 1
            return ConsumerRecord(self._tp.topic, self._tp.partition, offset, -1, 0, None, None, None, -1, -1, ())
        return record


class _Batches:
    """Batches of records, and the one that was taken last."""

    def __init__(self, records: Any) -> None:
        self._records = records
        self.newest: Any = None

    def has_next(self) -> bool:
        return bool(self._records.has_next())

    def next_batch(self) -> Any:
        self.newest = self._records.next_batch()
        return self.newest


def skip_unreadable_batches() -> None:
    """Let the consumers of this process get past batches that aiokafka cannot read. To call it twice does nothing."""
    fetcher.PartitionRecords = ReadableRecords
