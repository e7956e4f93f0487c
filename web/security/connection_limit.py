"""How many sockets may be open, in all and from one address."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class ConnectionLimit:
    """Counts the open sockets of each address. Its length is the number of all of them."""

    def __init__(self, maximum: int, maximum_per_address: int) -> None:
        self.maximum = maximum
        self.maximum_per_address = maximum_per_address
        self._open: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._open.total()

    @contextmanager
    def connect(self, address: str) -> Iterator[bool]:
        """Count a socket from ``address`` as open inside the ``with``; yields False if that would be one too many."""
        if len(self) >= self.maximum or self._open[address] >= self.maximum_per_address:
            yield False
            return
        self._open[address] += 1
        try:
            yield True
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]
