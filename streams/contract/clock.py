"""The clock for all times in messages."""

import time


def now_ms() -> float:
    """Milliseconds since 1970."""
    return time.time() * 1000
