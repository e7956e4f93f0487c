"""The broker's own words about why it failed, in one line."""

import re
from dataclasses import dataclass
from pathlib import Path

from infra.local.kafka.configuration import CONSOLE, LOG

_TAIL = 64 * 1024  # bytes
_LONGEST = 300  # characters
_COMPLAINT = re.compile(r"^\S+ (?:ERROR|FATAL) (.*?)(?: \([\w.$]+\))?$")
_THROWN = re.compile(r"^(?:Caused by: )?(?:[\w$]+\.)*([\w$]+(?:Exception|Error|Fault)\b.*)$")
_TAKEN = re.compile(r"bind to \S+:(\d+): Address already in use")
_NOT_THE_REASON = re.compile(r"warning|^Picked up |^NOTE")


@dataclass(frozen=True)
class Failure:
    text: str
    by_kafka: bool = False  # said by the server itself, not by Java or before it
    taken_port: int | None = None


def failure(folder: Path, since: float) -> Failure:
    """What the start at `since` (seconds, as time.time()) left in the log, or else on the console."""
    log = _tail(folder / LOG, since)
    taken = _TAKEN.findall(log)
    if said := complaint(log):
        return Failure(said, by_kafka=True, taken_port=int(taken[-1]) if taken else None)
    lines = [line.strip() for line in _tail(folder / CONSOLE, since).splitlines()]
    reasons = [line for line in lines if line and not _NOT_THE_REASON.search(line)]
    return Failure(": ".join(reasons[:2])[:_LONGEST] or "it left no error")


def complaint(log: str) -> str | None:
    """The last ERROR of a log with the innermost cause below it, as in "Cannot start: BindException: in use"."""
    said, cause = None, None
    for line in log.splitlines():
        if match := _COMPLAINT.match(line):
            said, cause = match[1], None
        elif said and (match := _THROWN.match(line)):
            cause = match[1]
    if said is None:
        return None
    return (f"{said.rstrip('. ')}: {cause}" if cause else said)[:_LONGEST]


def _tail(path: Path, since: float) -> str:
    try:
        if path.stat().st_mtime < since:
            return ""
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - _TAIL, 0))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
