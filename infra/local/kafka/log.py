"""Finds in the broker's log why a start failed, and says it on one line."""

import re
from dataclasses import dataclass
from pathlib import Path

from infra.local.kafka.configuration import CONSOLE, LOG

_TAIL_BYTES = 64 * 1024
_MAX_CHARACTERS = 300
_ERROR = re.compile(r"^\S+ (?:ERROR|FATAL) (.*?)(?: \([\w.$]+\))?$")
_EXCEPTION = re.compile(r"^(?:Caused by: )?(?:[\w$]+\.)*([\w$]+(?:Exception|Error|Fault)\b.*)$")
_PORT_IN_USE = re.compile(r"bind to \S+:(\d+): Address already in use")
_UNIMPORTANT = re.compile(r"warning|^Picked up |^NOTE")


@dataclass(frozen=True)
class Failure:
    """Why a start failed."""

    text: str
    by_kafka: bool = False  # the server itself logged it; otherwise Java did, or there is no message
    taken_port: int | None = None


def read_failure(folder: Path, since: float) -> Failure:
    """The failure of a start at `since` (seconds, as time.time()), from Kafka's log or else from Java's output."""
    log = _tail(folder / LOG, since)
    taken = _PORT_IN_USE.findall(log)
    if error := last_error(log):
        return Failure(error, by_kafka=True, taken_port=int(taken[-1]) if taken else None)
    lines = [line.strip() for line in _tail(folder / CONSOLE, since).splitlines()]
    reasons = [line for line in lines if line and not _UNIMPORTANT.search(line)]
    return Failure(": ".join(reasons[:2])[:_MAX_CHARACTERS] or "it logged no error")


def last_error(log: str) -> str | None:
    """The last ERROR of a log with the innermost cause below it, as in "Cannot start: BindException: in use"."""
    error, cause = None, None
    for line in log.splitlines():
        if match := _ERROR.match(line):
            error, cause = match[1], None
        elif error and (match := _EXCEPTION.match(line)):
            cause = match[1]
    if error is None:
        return None
    return (f"{error.rstrip('. ')}: {cause}" if cause else error)[:_MAX_CHARACTERS]


def _tail(path: Path, since: float) -> str:
    """The end of a file that was written after `since`, else nothing."""
    try:
        if path.stat().st_mtime < since:
            return ""
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - _TAIL_BYTES, 0))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
