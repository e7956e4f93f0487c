"""Batches of records that aiokafka cannot read hold no consumer up."""

import logging
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.consumer.fetcher import PartitionRecords

log = logging.getLogger(__name__)


class ReadableRecords(PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka's records of one partition, without those of batches that it cannot read.

    A header whose name is no UTF-8, which Kafka takes, raises there, and so does a compression whose library is not
    installed: at each try to read on, so that no consumer would ever get past it. Instead of what is left of such a
    batch comes one record without key and value, with the offset of the batch's last record. It is then set aside
    like any other record that cannot be used.
    """

    def __init__(self, tp: TopicPartition, records: Any, *options: Any) -> None:
        self._batches = _Batches(records)
        super().__init__(tp, self._batches, *options)

    def __next__(self) -> ConsumerRecord:
        try:
            record: ConsumerRecord = super().__next__()
        except StopIteration:
            raise
        except Exception as error:
            # the generator has ended with the error; the next one begins at the next batch
            self._records_iterator = self._unpack_records()
            self.next_fetch_offset = self._batches.newest.next_offset
            offset = self.next_fetch_offset - 1
            log.warning("records of %s up to offset %d cannot be read: %s", self._tp.topic, offset, str(error))
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
