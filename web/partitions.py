"""Which partitions this gateway needs, and in which of them a new session begins."""

from collections import Counter
from collections.abc import Callable, Set

from streams.contract.kafka.partitions import partition_of

FORGET = 0.9  # of the counted frames this share is still counted a tick later


class Partitions:
    """The partitions of the topics whose keys are sessions; ``count`` is how many there are.

    New sessions begin in the gateway's ``own`` partitions, in the least busy of them. So several gateways with
    partitions of their own each read only what concerns their sessions. A session that comes from another gateway
    adds its partition for as long as it is here.

    ``own`` is one partition, which depends on ``name``, while no share is known, or if there is none because there
    are more gateways than partitions. ``on_change`` is called when other partitions are needed.
    """

    def __init__(self, count: int, name: str) -> None:
        self.count = count
        self.on_change: Callable[[], None] = lambda: None
        self._without_share = frozenset({partition_of(name, count)})
        self.own: Set[int] = self._without_share
        self._sessions: Counter[int] = Counter()
        self._frames: dict[int, float] = {}  # lately; older ones count less

    @property
    def needed(self) -> Set[int]:
        """The own partitions, and those of the sessions that are here."""
        return self.own | self._sessions.keys()

    def set_own(self, share: Set[int]) -> None:
        """Take the share of the partitions that this gateway has from now on."""
        self.own = frozenset(each for each in share if each < self.count) or self._without_share
        self.on_change()

    def of(self, session: str) -> int:
        """The partition of a session."""
        return partition_of(session, self.count)

    def new_session(self, make: Callable[[], str]) -> str:
        """The first id from ``make`` that lies in the least busy of the own partitions.

        A session counts as much as a frame, so that sessions are spread before they send any.
        """
        best = min(sorted(self.own), key=lambda each: self._sessions[each] + self._frames.get(each, 0))
        while self.of(session := make()) != best:
            pass
        return session

    def add_session(self, session: str) -> int:
        """A session is here from now on. Returns its partition."""
        partition = self.of(session)
        self._sessions[partition] += 1
        if self._sessions[partition] == 1 and partition not in self.own:
            self.on_change()
        return partition

    def remove_session(self, partition: int) -> None:
        """A session of this partition is no longer here."""
        self._sessions[partition] -= 1
        if not self._sessions[partition]:
            del self._sessions[partition]
            if partition not in self.own:
                self.on_change()

    def count_frame(self, partition: int) -> None:
        """A frame of a session in this partition came."""
        self._frames[partition] = self._frames.get(partition, 0) + 1

    def tick(self) -> None:
        """Let the frames count less, a few times a second."""
        self._frames = {each: number * FORGET for each, number in self._frames.items() if number > 0.01}
