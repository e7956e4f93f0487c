"""The effect of a fault on the sessions that streamed meanwhile, and what of it is against the promises."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from models.picture_folder import counted


@dataclass(frozen=True, slots=True)
class FaultReport:
    """The effect of a fault. The field names are the keys of ``sightstream drill --json``.

    Seconds, from the begin of the fault until the stack was whole again and every session served: ``silence_s`` is
    the longest time in which one session got no labels, ``all_silent_s`` the longest in which none got any.
    ``recovery_s`` is the time from the fault's end until every session got a label for a frame sent after it, None if
    one never did. ``limit_s`` is the longest silence that is allowed, None for any. ``failure`` says what did not
    happen in time, if anything.

    Frames: ``dropped`` is by reason. ``answered_twice`` counts answers that browsers got for frames whose outcome
    they knew already, ``twice_in_topic`` those in the predictions topic, which change no count. ``differences`` are
    the sessions whose frame counts disagree between client, topic and table.
    """

    fault: str
    sessions: int
    silence_s: float = 0.0
    all_silent_s: float = 0.0
    recovery_s: float | None = None
    limit_s: float | None = None
    sent: int = 0
    answered: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    expired: int = 0
    answered_twice: int = 0
    twice_in_topic: int = 0
    differences: list[str] = field(default_factory=list)
    sockets_left: int = 0
    failure: str = ""

    def problems(self) -> list[str]:
        """What must not be, a line each; empty when the stack has kept its promises."""
        found = [f"the frame counts differ: {each}" for each in self.differences]
        if self.failure:
            found.append(self.failure)
        if self.limit_s is not None and self.silence_s > self.limit_s:
            found.append(f"a session had no labels for {self.silence_s:.1f} s; the limit is {self.limit_s:g} s")
        if self.answered_twice:
            found.append(f"browsers got {self.answered_twice} answers for frames that were answered already")
        if self.sockets_left:
            found.append(f"{counted(self.sockets_left, 'connection')} stayed open")
        return [f"{self.fault}: {each}" for each in found]


def longest_silence(answers: Iterable[float], begin: float, end: float) -> float:
    """The longest time without an answer between ``begin`` and ``end``; ``answers`` are moments in any order."""
    moments = [begin, *sorted(each for each in answers if begin < each < end), end]
    return max(later - earlier for earlier, later in pairwise(moments))
