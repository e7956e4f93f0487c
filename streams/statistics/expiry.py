"""Finds the entries of the statistics table that are too old to keep."""

from collections.abc import Callable, Mapping

from streams.contract.stats import SessionStats


class Expiry:
    """Checks all entries now and then; unpacks an entry only when it may have become too old.

    ``reject`` is called with a session, its entry, and why that cannot be read.
    """

    def __init__(self, keep_ms: float, reject: Callable[[str, bytes, str], None]) -> None:
        self.keep_ms = keep_ms
        self.reject = reject
        self._last_seen: dict[str, float] = {}

    def due(self, entries: Mapping[str, bytes], now_ms: float) -> list[str]:
        """The sessions last seen more than ``keep_ms`` before ``now_ms``, and those whose entries cannot be read."""
        due = []
        for session, entry in entries.items():
            if now_ms - self._last_seen.get(session, 0.0) <= self.keep_ms:
                continue
            try:
                last_seen = min(SessionStats.loads(entry).last_seen, now_ms)
            except ValueError as error:
                self.reject(session, entry, str(error))
                last_seen = 0.0
            self._last_seen[session] = last_seen
            if now_ms - last_seen > self.keep_ms:
                due.append(session)
        self._last_seen = {session: at for session, at in self._last_seen.items() if session in entries}
        return due
