"""Which of aiokafka's log lines are worth a line: it logs each of its tries, many a second while a broker is away."""

import logging
import time
from collections.abc import Callable

from aiokafka.errors import KafkaConnectionError, NodeNotReadyError

EVERY_S = 60.0
REQUESTS = "aiokafka.conn"  # the logger
# also raised as errors, which `denials` makes one line of
SAID = {"Not authorized to read from topic %s.", "Topic %s is not authorized for this client"}


class Repeats(logging.Filter):
    """Leaves out lines about a broker without a connection, which ``connections`` logs once, and repeated lines.

    A warning is repeated if one with the same text, apart from its values, was logged less than ``EVERY_S`` seconds
    ago. Lines of the level DEBUG stay, except requests and answers: there is a password in some.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.clock = clock
        self._logged_at: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is logged."""
        if record.levelno <= logging.DEBUG:
            return record.name != REQUESTS
        values = record.args if isinstance(record.args, tuple) else ()
        if record.msg in SAID or any(
            isinstance(each, KafkaConnectionError | NodeNotReadyError | OSError) for each in values
        ):
            return False
        if record.levelno < logging.WARNING:
            return True
        now, line = self.clock(), (record.name, str(record.msg))
        if line in self._logged_at and now - self._logged_at[line] < EVERY_S:
            return False
        self._logged_at[line] = now
        return True
