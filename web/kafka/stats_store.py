"""Statistics of sessions, as they were read from Kafka."""

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from streams.contract.stats import SessionStats

log = logging.getLogger(__name__)

MAX_BYTES = 128 * 2**20


class Entry(NamedTuple):
    """A session's statistics, when they were written (milliseconds since 1970), and where they were read."""

    written_ms: float
    value: bytes
    partition: int


class StatsStore:
    """The newest statistics of each session, still encoded, because few of them are ever read.

    When there is no room, those that were written longest ago are removed first. All are removed when they are
    ``keep_ms`` old.
    """

    def __init__(self, keep_ms: float, max_bytes: int = MAX_BYTES) -> None:
        self.keep_ms = keep_ms
        self.max_bytes = max_bytes
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, session: str, value: bytes | None, written_ms: float, partition: int = 0) -> None:
        """Replace a session's statistics; None removes them."""
        if session in self._entries:
            self._bytes -= len(self._entries.pop(session).value)
        if value is None:
            return
        self._entries[session] = Entry(written_ms, value, partition)
        self._bytes += len(value)
        while self._bytes > self.max_bytes:
            _, removed = self._entries.popitem(last=False)
            self._bytes -= len(removed.value)

    def get(self, session: str, now_ms: float) -> SessionStats | None:
        """A session's statistics; None if they are missing, too old or unreadable."""
        entry = self._entries.get(session)
        if entry is None or now_ms - entry.written_ms > self.keep_ms:
            return None
        try:
            return SessionStats.loads(entry.value)
        except ValueError as error:
            log.warning("the statistics of a session cannot be read: %r", error)
            return None

    def sweep(self, now_ms: float) -> None:
        """Remove what is too old."""
        self._remove(lambda entry: now_ms - entry.written_ms > self.keep_ms)

    def forget(self, partition: int) -> None:
        """Remove what was read from a partition."""
        self._remove(lambda entry: entry.partition == partition)

    def _remove(self, is_removed: Callable[[Entry], bool]) -> None:
        for session in [session for session, entry in self._entries.items() if is_removed(entry)]:
            self.put(session, None, 0.0)
