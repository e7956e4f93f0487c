"""Finds in the broker's log why a start failed, and says it on one line."""

import re
from dataclasses import dataclass
from pathlib import Path

from infra.local.kafka.configuration import CONSOLE, LOG
from models.processes.last_error import MOST_CHARACTERS, last_error, why_it_ended

_TAIL_BYTES = 64 * 1024
_PORT_IN_USE = re.compile(r"bind to \S+:(\d+): Address already in use")
_UNIMPORTANT = re.compile(r"warning|^Picked up |^NOTE")


@dataclass(frozen=True)
class Failure:
    """Why a start failed."""

    text: str
    by_kafka: bool = False  # the server itself logged it; otherwise Java did, or there is no message
    taken_port: int | None = None


def read_failure(folder: Path, since: float, code: int = 1) -> Failure:
    """The failure of a run that began at `since` (seconds, as time.time()), from Kafka's log or else Java's output.

    `code` is the exit code, negative for a signal.
    """
    log = _tail(folder / LOG, since)
    taken = _PORT_IN_USE.findall(log)
    if error := last_error(log, code):
        return Failure(error, by_kafka=True, taken_port=int(taken[-1]) if taken else None)
    lines = [line.strip() for line in _tail(folder / CONSOLE, since).splitlines()]
    reasons = [line for line in lines if line and not _UNIMPORTANT.search(line)]
    nothing = why_it_ended("", code) if code < 0 else "it logged no error"
    return Failure(": ".join(reasons[:2])[:MOST_CHARACTERS] or nothing)


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
