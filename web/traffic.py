"""What one session has sent and got, for the operator's eyes."""

from collections import Counter, deque
from dataclasses import dataclass, field

LATELY_MS = 3000.0


@dataclass(slots=True)
class Traffic:
    """A session's frames as this gateway counted them, and the last round trip that its browser told of."""

    received: int = 0
    answered: int = 0
    expired: int = 0
    dropped: Counter[str] = field(default_factory=Counter)  # by reason
    round_trip_ms: float | None = None
    _answered_at: deque[float] = field(default_factory=lambda: deque(maxlen=32))

    def answer(self, now: float) -> None:
        """Count an answered frame; ``now`` in milliseconds since 1970."""
        self.answered += 1
        self._answered_at.append(now)

    def fps(self, now: float) -> float:
        """Frames answered a second lately: 0 after three seconds of silence."""
        lately = [at for at in self._answered_at if now - at <= LATELY_MS]
        if len(lately) < 2:
            return len(lately) / LATELY_MS * 1000
        return (len(lately) - 1) * 1000 / max(1.0, now - lately[0])
