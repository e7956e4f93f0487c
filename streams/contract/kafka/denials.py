"""Rights that a process misses in Kafka: which, and what to do. Said once, not at each message.

Who may do what can be changed while processes run, so none of them ends for it.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from streams.contract.kafka.rights import Kind, needs

log = logging.getLogger(__name__)

REMIND_S = 300.0
RECENT_S = 30.0  # a process tries again more often
RETRY_S = 5.0
GUIDE = "infra/deploy/kafka_security.md"

KINDS = {TopicAuthorizationFailedError: Kind.TOPIC, GroupAuthorizationFailedError: Kind.GROUP}
OTHERS = {ClusterAuthorizationFailedError: "the cluster", TransactionalIdAuthorizationFailed: "a transactional id"}
NAMES = {each.__name__ for each in (*KINDS, *OTHERS)}


class Denials:
    """What Kafka has refused to this process; ``clock`` in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.role = self.user = ""
        self._said_at: dict[str, float] = {}
        self._noted_at: dict[str, float] = {}

    def introduce(self, role: str, user: str) -> None:
        """Say who this process is: its role, as in ``rights``, and its user in Kafka, empty where it has none."""
        self.role, self.user = role, user

    def note(self, error: BaseException) -> bool:
        """Whether a right was missing; logs which one, unless that was done a while ago."""
        lines = [*denied(error, self.role, self.user)]
        now = self.clock()
        for line in lines:
            self._noted_at[line] = now
            if now - self._said_at.get(line, -REMIND_S) >= REMIND_S:
                log.warning("%s; trying again", line)
                self._said_at[line] = now
        return bool(lines)

    def lines(self) -> list[str]:
        """The rights that were missing lately, a line each."""
        now = self.clock()
        return [line for line, at in self._noted_at.items() if now - at < RECENT_S]


DENIALS = Denials()


class Denied(logging.Filter):
    """Leaves out lines about an error that is a missing right, wherever it is logged: ``denials`` says it once."""

    def __init__(self, denials: Denials = DENIALS) -> None:
        super().__init__()
        self.denials = denials

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is logged."""
        values = record.args if isinstance(record.args, tuple) else ()
        if any(getattr(each, "__name__", each) in NAMES for each in values if isinstance(each, type | str)):
            return False  # aiokafka also raises what it logs like this
        # all of them are noted
        return not [each for each in values if isinstance(each, BaseException) and self.denials.note(each)]


def denied(error: BaseException | None, role: str, user: str) -> Iterator[str]:
    """A line for each resource that Kafka does not let this process use; none for other errors."""
    while error is not None:
        for kind, word in KINDS.items():
            if isinstance(error, kind):
                for name in sorted(_names(error.args)):
                    operations = " and ".join(needs(role, word, name)) or "other rights"
                    yield _line(f"the {word} {name}".rstrip(), user, f", where it needs {operations}")
        for kind, words in OTHERS.items():
            if isinstance(error, kind):
                yield _line(words, user)
        error = error.__cause__


def _names(args: Iterable[object]) -> set[str]:
    """The names in an error of aiokafka: one, or a set of them."""
    names: set[str] = set()
    for each in args:
        names |= {each} if isinstance(each, str) else {*map(str, each)} if isinstance(each, Iterable) else set()
    return names or {""}


def _line(resource: str, user: str, needed: str = "") -> str:
    who = f"the user {user!r}" if user else "this process"
    return f"Kafka does not let {who} use {resource}{needed}: give these rights, see {GUIDE}"
