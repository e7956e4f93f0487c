"""How many sockets may be open, in all and from one address."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class ConnectionLimit:
    """Counts the sockets that are open."""

    def __init__(self, most: int, most_per_address: int) -> None:
        self.most = most
        self.most_per_address = most_per_address
        self._open: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._open.total()

    @contextmanager
    def open_for(self, address: str) -> Iterator[bool]:
        """Hold a place for a socket from ``address``; yields whether there was one."""
        if len(self) >= self.most or self._open[address] >= self.most_per_address:
            yield False
            return
        self._open[address] += 1
        try:
            yield True
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]
