"""Keeps outcomes of sessions that are connected to other gateways: they may connect to this one next."""

from collections import deque
from dataclasses import dataclass, field

from aiokafka import ConsumerRecord

MAX_BYTES = 64 * 2**20
RECORD_BYTES = 512  # that a record takes besides its key and value


@dataclass(slots=True)
class OtherSessions:
    """Keeps the records of other sessions in the partitions that this gateway reads, for ``keep_ms``, undecoded.

    A session that comes here gets those of its frames under way. If there is no room, the oldest are removed first.
    """

    keep_ms: float
    max_bytes: int = MAX_BYTES
    _records: deque[tuple[float, bytes]] = field(default_factory=deque)  # when it came, and its key; oldest first
    _by_session: dict[bytes, deque[ConsumerRecord]] = field(default_factory=dict)
    _bytes: int = 0

    def keep(self, record: ConsumerRecord, now: float) -> None:
        """Keep a record; ``now`` in milliseconds."""
        self._records.append((now, record.key))
        self._by_session.setdefault(record.key, deque()).append(record)
        self._bytes += cost(record)
        self.sweep(now)

    def take(self, session: bytes) -> list[ConsumerRecord]:
        """The records of a session, oldest first, which are kept no longer."""
        records = [*self._by_session.pop(session, ())]
        self._bytes -= sum(map(cost, records))
        return records

    def sweep(self, now: float) -> None:
        """Remove what is too old or too much."""
        while self._records and (now - self._records[0][0] > self.keep_ms or self._bytes > self.max_bytes):
            _, session = self._records.popleft()
            if records := self._by_session.get(session):
                self._bytes -= cost(records.popleft())
                if not records:
                    del self._by_session[session]


def cost(record: ConsumerRecord) -> int:
    """How much memory a record uses, in bytes."""
    return len(record.key) + len(record.value) + RECORD_BYTES
