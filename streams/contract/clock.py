"""The clock for all times in messages, and how far the clocks of two machines are apart.

Kafka stamps the status of each worker when it appends it, by the clock of one broker. Whoever sees such a record
compares the stamp with its own clock: a gateway when it reads the record, a worker when Kafka acknowledges it. The
difference is how far the own clock is ahead, plus a delay; the least of the last few has the least delay. The skew
between two machines is the difference of what they found. It counts only if it is larger than any normal delay.
"""

import time
from collections import deque

SAMPLES = 5  # of which the least counts: ten seconds of one worker
LEAST_SKEW_MS = 100.0
APPENDED = 1  # the type of a timestamp that Kafka has set


def now_ms() -> float:
    """Milliseconds since 1970."""
    return time.time() * 1000


class KafkaClock:
    """How far the clock of this machine is ahead of Kafka's."""

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=SAMPLES)

    def note(self, stamp_ms: float, now_ms: float) -> None:
        """Note that a record that Kafka stamped a moment ago was seen now."""
        self._samples.append(now_ms - stamp_ms)

    @property
    def ahead_ms(self) -> float | None:
        """Milliseconds, below 0 if the clock is behind; None while that is not known."""
        return min(self._samples, default=None)

    @property
    def ahead_s(self) -> float | None:
        """The same in seconds."""
        return None if self.ahead_ms is None else self.ahead_ms / 1000


def skew_ms(ahead_ms: float | None, others_ahead_ms: float | None) -> float:
    """How far a clock is ahead of another one; 0 if that is not known, or too little to tell it from delays."""
    if ahead_ms is None or others_ahead_ms is None:
        return 0.0
    skew = ahead_ms - others_ahead_ms
    return skew if abs(skew) >= LEAST_SKEW_MS else 0.0
