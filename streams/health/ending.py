"""How the process of a worker ends at once."""

import logging
import os
import sys

STALLED = 75  # exit code of a worker that stood still, for whoever starts it again


def end(code: int) -> None:
    """End this process at once, with all that it has logged."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)
