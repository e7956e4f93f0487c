"""Faust's tables, restored from topics that hold anything, that were compacted, and whose brokers may be away."""

import logging
from collections.abc import Iterable
from typing import Any

import faust
from aiokafka.errors import IllegalStateError, KafkaError
from faust.tables.recovery import RebalanceAgain
from faust.tables.recovery import Recovery as FaustRecovery
from faust.types import TP, EventT

from streams.contract import codec

log = logging.getLogger(__name__)

GAP_S = 1.0  # between two looks at a restore


class ChangelogTable(faust.Table[str, bytes]):
    """A table whose keys are text and whose values are bytes. Entries of its changelog that are neither are left out.

    The changelog topic gives keys as bytes, because Faust waits for its last record: a table would never be restored
    if that one could not be decoded.
    """

    def apply_changelog_batch(self, batch: Iterable[EventT[Any]]) -> None:
        """Apply records of the changelog to the table, without those that are no entries."""
        super().apply_changelog_batch([event for event in batch if self._is_entry(event)])

    def reject(self, message: Any, why: str) -> None:
        """Called with a record that is no entry."""
        raise NotImplementedError

    def _to_key(self, k: bytes) -> str:
        return k.decode()

    def _is_entry(self, event: EventT[Any]) -> bool:
        message: Any = event.message
        if why := bad_entry(message.key, message.value):
            self.reject(message, why)
        return not why


class Recovery(FaustRecovery):
    """Faust's restore of tables, which waits for Kafka as long as that takes.

    Faust would give it up after ``broker_request_timeout``, for ever, or end the worker.
    """

    async def _wait(self, coro: Any, timeout: Any = None) -> None:  # noqa: ASYNC109
        try:
            await super()._wait(coro)
        except IllegalStateError:  # Faust knows this one
            raise
        except (KafkaError, TimeoutError) as error:
            log.warning("tables could not be restored: %s; starting again", error or type(error).__name__)
            self.signal_recovery_start.set()
            raise RebalanceAgain from error

    @faust.Service.task
    async def _skip_gaps(self) -> None:
        """End a restore whose last offsets have no record: Faust would wait for it for ever.

        Such offsets have the end of a transaction, or a record that was removed by compaction.
        """
        before: dict[TP, int] = {}
        while not self.should_stop:
            await self.sleep(GAP_S)
            gaps: dict[TP, int] = {}
            if self.in_recovery and self.tables.changelog_queue.empty():
                for tp, left in self.active_remaining().items():
                    if left > 0 and (await self.app.consumer.position(tp) or 0) > self.active_highwaters[tp]:
                        gaps[tp] = self.active_offsets[tp]
            for tp in [tp for tp, offset in gaps.items() if before.get(tp) == offset]:  # no record on its way
                self.active_offsets[tp] = self.active_highwaters[tp]
            before = gaps


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
