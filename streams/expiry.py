"""Finds the entries of the statistics table that are too old to keep."""

import logging
from collections.abc import Mapping

from streams.contract.stats import SessionStats

log = logging.getLogger(__name__)


class Expiry:
    """Checks all entries now and then; unpacks an entry only when it may have become too old."""

    def __init__(self, keep_ms: float) -> None:
        self.keep_ms = keep_ms
        self._last_seen: dict[str, float] = {}

    def due(self, entries: Mapping[str, bytes], now_ms: float) -> list[str]:
        """The sessions last seen more than ``keep_ms`` before ``now_ms``, and those whose entries cannot be read."""
        due = []
        for session, entry in entries.items():
            if now_ms - self._last_seen.get(session, 0.0) <= self.keep_ms:
                continue
            self._last_seen[session] = last_seen = _last_seen(session, entry)
            if now_ms - last_seen > self.keep_ms:
                due.append(session)
        self._last_seen = {session: at for session, at in self._last_seen.items() if session in entries}
        return due


def _last_seen(session: str, entry: bytes) -> float:
    try:
        return SessionStats.loads(entry).last_seen
    except (ValueError, KeyError, TypeError) as error:
        log.warning("the statistics of %s cannot be read (%r)", session, error)
        return 0.0
