"""What one session has sent and received, for the operations view."""

from collections import Counter, deque
from dataclasses import dataclass, field

from streams.contract.outcomes import Outcome

RECENT_MS = 3000.0


@dataclass(slots=True)
class SessionTraffic:
    """A session's frames as this gateway counted them, and the last round trip that its browser measured."""

    received: int = 0
    answered: int = 0
    expired: int = 0
    dropped: Counter[Outcome] = field(default_factory=Counter)
    round_trip_ms: float | None = None
    _answered_at: deque[float] = field(default_factory=lambda: deque(maxlen=32))  # milliseconds since 1970

    def count_received(self, echoes: tuple[tuple[int, float], ...]) -> None:
        """Count a frame that the browser sent with these ``echoes``: sequence numbers and round trips in ms."""
        self.received += 1
        if echoes:
            self.round_trip_ms = echoes[-1][1]

    def count_outcome(self, outcome: Outcome, frames: int, now: float) -> None:
        """Count the outcome of so many ``frames``; ``now`` in milliseconds since 1970."""
        if outcome == Outcome.ANSWERED:
            self.answered += frames
            self._answered_at.append(now)
        elif outcome == Outcome.EXPIRED:
            self.expired += frames
        else:
            self.dropped[outcome] += frames

    @property
    def answered_at(self) -> float | None:
        """When the newest answer came, in milliseconds since 1970; None before the first one."""
        return self._answered_at[-1] if self._answered_at else None

    def fps(self, now: float) -> float:
        """Answered frames a second in the last three seconds."""
        recent = [at for at in self._answered_at if now - at <= RECENT_MS]
        if len(recent) < 2:
            return len(recent) / RECENT_MS * 1000
        return (len(recent) - 1) * 1000 / max(1.0, now - recent[0])
