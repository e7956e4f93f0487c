"""Faust's tables, restored from topics that hold anything, that were compacted, and whose brokers may be away."""

import logging
from collections.abc import Iterable
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from faust.tables.recovery import RebalanceAgain
from faust.tables.recovery import Recovery as FaustRecovery
from faust.types import TP, FutureMessage

from streams.contract import codec

log = logging.getLogger(__name__)

FETCH_BYTES = 8 * 2**20  # of one partition
MAX_RECORDS = 2000  # then other tasks may run


class ChangelogTable(faust.Table[str, bytes]):
    """A table of text and bytes. Entries of its changelog that are neither are left out."""

    def restore(self, records: Iterable[Any]) -> None:
        """Apply records of the changelog, in their order."""
        for record in records:
            if why := bad_entry(record.key, record.value):
                self.reject(record, why)
            elif record.value is None:
                self.data.pop(record.key.decode(), None)
            else:
                self.data[record.key.decode()] = record.value

    def reject(self, record: Any, why: str) -> None:
        """Called with a record that is no entry."""
        raise NotImplementedError

    def _on_changelog_sent(self, fut: FutureMessage) -> None:
        """What this worker wrote itself it need not read again when partitions move."""
        if fut.cancelled() or fut.exception():
            return
        sent = fut.result()
        tables: Any = self.app.tables
        tables.recovery.note_written(sent.topic_partition, sent.offset)


class Recovery(FaustRecovery):
    """Restores tables, and waits for Kafka as long as that takes.

    Faust's own restore takes each record through its streams, and ends with the last one of a partition. It waits for
    ever if that is not at the very end, as after compaction or a transaction, or if the partition is empty
    (faust#176, #597, #651). Here a consumer of its own reads each partition to its end; nothing is left for Faust.
    An error of Kafka would end Faust's restore, or the worker; here it begins again where it was.
    """

    def note_written(self, tp: TP, offset: int) -> None:
        """The table has what is in its changelog up to ``offset``."""
        if tp in self.active_tps and self.active_offsets.get(tp) is not None:
            self.active_offsets[tp] = max(self.active_offsets[tp], offset)

    async def _build_offsets(self, consumer: Any, tps: set[TP], destination: Any, title: str) -> None:
        await super()._build_offsets(consumer, tps, destination, title)
        if tps:
            await self._restore(tps, destination)

    async def _restore(self, tps: set[TP], done: dict[TP, int]) -> None:
        """Read ``tps`` from the records after ``done`` to their ends; ``done`` says at any time how far it is."""
        app: Any = self.app
        consumer = AIOKafkaConsumer(
            **app.connection_options(),
            group_id=None,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        try:
            await consumer.start()
            partitions = {TopicPartition(*tp): tp for tp in tps}
            consumer.assign([*partitions])
            ends = await consumer.end_offsets([*partitions])
            for partition, tp in partitions.items():
                consumer.seek(partition, done[tp] + 1)
            while left := [each for each in partitions if await consumer.position(each) < ends[each]]:
                for partition, records in (
                    await consumer.getmany(*left, timeout_ms=1000, max_records=MAX_RECORDS)
                ).items():
                    table: Any = self.tp_to_table[partitions[partition]]
                    table.restore(records)
                    done[partitions[partition]] = records[-1].offset
            for partition, tp in partitions.items():
                done[tp] = max(done[tp], ends[partition] - 1)
                self.active_highwaters[tp] = done[tp]
        finally:
            await consumer.stop()

    async def _wait(self, coro: Any, timeout: Any = None) -> None:  # noqa: ASYNC109
        try:
            await super()._wait(coro)
        except IllegalStateError:  # Faust knows this one
            raise
        except (KafkaError, TimeoutError) as error:
            log.warning("tables could not be restored: %s; starting again", error or type(error).__name__)
            self.signal_recovery_start.set()
            raise RebalanceAgain from error


class TableManager(faust.tables.TableManager):
    """Faust's tables, with this restore."""

    @property
    def recovery(self) -> Recovery:
        """The service that restores tables."""
        if self._recovery is None:
            self._recovery = Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        assert isinstance(self._recovery, Recovery)
        return self._recovery

    @property
    def restored(self) -> frozenset[tuple[TP, int]]:
        """How far the restore of each partition is."""
        return frozenset(self.recovery.active_offsets.items())


def bad_entry(key: bytes | None, value: bytes | None) -> str:
    """Why a record of the changelog is no entry of the table, or an empty string.

    What is in the value is found when it is used: to unpack all values would hold up a worker that takes partitions
    over.
    """
    if not key:
        return "there is no key"
    try:
        key.decode()
    except UnicodeDecodeError as error:
        return f"the key cannot be read: {error}"
    if value is None:  # the entry was removed
        return ""
    return codec.bad_envelope(value)
