"""The clock that all times in messages are read from."""

import time


def now_ms() -> float:
    """Milliseconds since 1970."""
    return time.time() * 1000
