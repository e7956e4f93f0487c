"""When the gateway reads from sessions that send more frames than their credits allow.

Such sessions are all read in the same short windows, and wait in between. There are three reasons. Frames that are
read together cost less than frames that are read one by one. Only the newest frame of a session is used, so nothing
is lost by reading late. And between two windows the cores are free for the engine.
"""

PERIOD_S = 0.1  # from the beginning of one window to that of the next
WINDOW_S = 0.01


def seconds_until_open(now: float) -> float:
    """How long to wait until such a session may be read: 0 inside a window; ``now`` in seconds by any clock."""
    since_opened = now % PERIOD_S
    return PERIOD_S - since_opened if since_opened > WINDOW_S else 0.0
