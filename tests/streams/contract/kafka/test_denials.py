"""Rights that a process misses: one line each, whoever logs what, and how often."""

import logging

import pytest
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from streams.contract.kafka.denials import GUIDE, RECENT_S, REMIND_S, Denials, Denied
from streams.contract.topics import FRAMES, PREDICTIONS

SEE = f"give these rights, see {GUIDE}"
FRAMES_LINE = f"Kafka does not let the user 'w7' use the topic {FRAMES}, where it needs Read: {SEE}"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def worker(clock: Clock, user: str = "w7") -> Denials:
    denials = Denials(clock)
    denials.introduce("worker", user)
    return denials


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (TopicAuthorizationFailedError(FRAMES), [FRAMES_LINE]),
        (
            TopicAuthorizationFailedError({PREDICTIONS, FRAMES}),  # as aiokafka says it of a commit
            [
                FRAMES_LINE,
                f"Kafka does not let the user 'w7' use the topic {PREDICTIONS}, where it needs Read and Write: {SEE}",
            ],
        ),
        (
            GroupAuthorizationFailedError("sightstream"),
            [f"Kafka does not let the user 'w7' use the group sightstream, where it needs Read: {SEE}"],
        ),
        (
            TopicAuthorizationFailedError("others"),
            [f"Kafka does not let the user 'w7' use the topic others, where it needs other rights: {SEE}"],
        ),
        (ClusterAuthorizationFailedError(), [f"Kafka does not let the user 'w7' use the cluster: {SEE}"]),
        (TransactionalIdAuthorizationFailed(), [f"Kafka does not let the user 'w7' use a transactional id: {SEE}"]),
        (KafkaError("broken"), []),
    ],
)
def test_each_missing_right_names_the_user_the_resource_and_what_is_needed(
    error: Exception, lines: list[str]
) -> None:
    denials = worker(Clock())
    assert denials.note(error) is bool(lines)
    assert denials.lines() == lines


def test_a_right_that_is_missing_is_found_behind_the_error_that_it_caused() -> None:
    sent = ValueError("not sent")
    sent.__cause__ = TopicAuthorizationFailedError(FRAMES)
    denials = worker(Clock(), user="")
    assert denials.note(sent)
    assert denials.lines() == [FRAMES_LINE.replace("the user 'w7'", "this process")]


def test_it_is_said_once_and_again_after_a_while_and_forgotten_when_it_is_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    denials = worker(clock := Clock())
    for _ in range(1000):
        denials.note(TopicAuthorizationFailedError(FRAMES))
    assert [each.getMessage() for each in caplog.records] == [f"{FRAMES_LINE}; trying again"]
    clock.now += RECENT_S
    assert denials.lines() == []
    clock.now += REMIND_S
    denials.note(TopicAuthorizationFailedError(FRAMES))
    assert len(caplog.records) == 2


def test_no_other_line_is_logged_for_such_an_error(caplog: pytest.LogCaptureFixture) -> None:
    denials = worker(Clock())
    logger = logging.getLogger("some.module")
    logger.addFilter(seen := Denied(denials))
    try:
        for error in 3 * [TopicAuthorizationFailedError(FRAMES)] + [KafkaError("broken")]:
            logger.warning("it could not be sent: %r", error)
        logger.warning("fetch failed: %s, %s", "x", TopicAuthorizationFailedError)
        logger.warning("commit failed: %s", TopicAuthorizationFailedError.__name__)
        logger.warning("with no error: %s", "x")
    finally:
        logger.removeFilter(seen)
    said = [each.getMessage() for each in caplog.records]
    assert said[0] == f"{FRAMES_LINE}; trying again"
    assert len(said) == 3
    assert said[1:] == ["it could not be sent: KafkaError('broken')", "with no error: x"]
