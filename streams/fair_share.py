"""Whose turn it is: every session gets its share of the engine, and one that sends more than others gets no more."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from streams.scheduling import Waiting

LATELY_MS = 2000.0  # who had a turn within this counts as one that shares the engine
LOOK_BACK = 64  # turns, at most
REMEMBERED_SESSIONS = 10_000


@dataclass(slots=True)
class Turn:
    """A frame of ``session`` began to run ``at``, in milliseconds since 1970, for about so many ``ms``."""

    session: str
    at: float
    ms: float


@dataclass(slots=True)
class Split:
    """The frames that may ``run`` now and those that are ``held`` back, if none may run for so many ``wait_ms``.

    What runs ``aside`` is of a session that is ahead, and is to leave cores to those that come meanwhile.
    """

    run: list[Waiting] = field(default_factory=list)
    held: list[Waiting] = field(default_factory=list)
    wait_ms: float | None = None
    aside: bool = False


class FairShare:
    """Who had turns lately, and who may have the next ones.

    A session that had more than twice its share of the last turns is ahead; one share is an equal part of them for
    each. Beside others, a frame of a session that is ahead runs alone, on an engine that has nothing else to do, and
    no sooner than its session has its share of the time again.

    Where the clock is set back, what was before is forgotten.
    """

    def __init__(self) -> None:
        self.served: dict[str, int] = {}  # when each session had its last turn, as a growing count
        self._count = 0
        self._lately: deque[Turn] = deque(maxlen=LOOK_BACK)

    def take(self, turn: Turn) -> None:
        """A session has its turn."""
        self._lately.append(turn)
        self._count += 1
        self.served.pop(turn.session, None)
        self.served[turn.session] = self._count
        if len(self.served) > REMEMBERED_SESSIONS:
            del self.served[next(iter(self.served))]

    def split(self, waiting: Sequence[Waiting], *, now: float, idle: bool) -> Split:
        """Which of the frames that wait may run.

        Args:
            waiting: frames in the order of their arrival.
            now: milliseconds since 1970.
            idle: whether the engine has nothing to do and nothing is prepared for it.
        """
        while self._lately and not 0 <= now - self._lately[0].at < LATELY_MS:
            self._lately.popleft()
        counts = Counter(turn.session for turn in self._lately)
        ahead = {session for session, count in counts.items() if count * len(counts) > 2 * len(self._lately)}
        sessions = [each.frame.session for each in waiting]
        split = Split()
        if idle and sessions and ahead.issuperset(sessions):
            last = {turn.session: turn for turn in self._lately}
            rests = {one: max(0.0, last[one].at + last[one].ms * len(counts) - now) for one in sessions}
            session = min(sessions, key=lambda one: (rests[one], counts[one]))
            if rests[session]:
                split.wait_ms = rests[session]
            else:
                split.aside = True
                ahead.remove(session)
        for each in waiting:
            (split.held if each.frame.session in ahead else split.run).append(each)
        return split
