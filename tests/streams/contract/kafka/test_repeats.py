"""Which log lines of aiokafka stay."""

import logging

import pytest
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError, TopicAuthorizationFailedError

from streams.contract.kafka.repeats import EVERY_S, Repeats


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def line(text: str, *values: object, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord("aiokafka", level, "", 0, text, values, None)


@pytest.mark.parametrize(
    "error", [KafkaConnectionError("closed"), NodeNotReadyError(), ConnectionRefusedError(111, "")]
)
def test_a_line_about_a_broker_without_a_connection_is_left_out(error: Exception) -> None:
    assert not Repeats().filter(line("Failed fetch messages from %s: %s", 1, error))


def test_a_warning_is_logged_again_after_a_minute() -> None:
    clock = Clock()
    repeats = Repeats(clock)
    logged = []
    for _ in range(int(10 * EVERY_S)):
        logged.append(repeats.filter(line("Unable to update metadata from %s", [clock.now])))
        clock.now += 0.5
    assert sum(logged) == 5


def test_other_lines_stay() -> None:
    repeats = Repeats(Clock())
    assert repeats.filter(line("Topic %s: %s", "x", TopicAuthorizationFailedError()))
    assert repeats.filter(line("another line", level=logging.WARNING))
    for level in (logging.INFO, logging.DEBUG):
        assert all(repeats.filter(line("Joined group", level=level)) for _ in range(3))
