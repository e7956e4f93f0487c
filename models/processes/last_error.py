"""Finds the error in the output of a process that ended. Messages about its shutdown, which follow it, are skipped.

The output may be log lines of this project, of Faust, uvicorn and Kafka, as text or as JSON, and what Python, Java
and C++ print at a crash.
"""

import json
import re
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

MOST_CHARACTERS = 300
MOST_LINES = 200  # at the end of the output: an error long before the end was not what ended the process
# who is killed from outside had no error of its own, unless it was one of the last things that it logged
FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
LINES_BEFORE_KILL = 20

_LOGGED = re.compile(
    r"\[?\d{4}-\d\d-\d\d[T ][\d:.,]+\]? +(?:\[\d+\] +)?"
    r"\[?(?P<level>TRACE|DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)\]? +(?P<message>.*)"
)
_SERVICE = re.compile(r"^\[\^[^\]]*\]: ")  # which of Faust's services says it
_LOGGER = re.compile(r" \([\w.$]+\)$")  # Kafka's
_GROUP = re.compile(r"^ *[|+] ")  # the frame around the tracebacks of an ExceptionGroup
_EXCEPTION = re.compile(r"^(?:Caused by: )?(?:[\w$]+\.)*(?P<text>[\w$]+(?:Exception|Error|Fault)\b.*)$")
_ANY_EXCEPTION = re.compile(r"^(?:[\w$]+\.)*(?P<text>[A-Za-z_]\w*(?:: .*)?)$")  # after a traceback
# what the interpreter, the runtime or the command prints when nothing catches an error
_LAST_WORDS = re.compile(
    r"^(?:[Ee]rror: |[Ff]atal: |.{0,60}\b(?:ERROR|CRITICAL|FATAL)\b|Fatal Python error: |terminate called after "
    r"|Terminating due to |Error occurred during |cannot start |# A fatal error |Segmentation fault|Aborted|Killed"
    r"|Bus error|Illegal instruction|F\d{4} |.*: Check failed: |.*can't open file"
    r"|.*: (?:not found|No such file or directory|Permission denied)$)",
)
_THREAD = re.compile(r'^Exception in thread "[^"]*" (?P<java>\S.*)$')
_SHUTDOWN = re.compile(r"^(?:asyncio: )?(?:Unclosed |Task was destroyed|Exception ignored)")
_LOOKS_WRONG = re.compile(r"\b(?:error|fail|failed|cannot|can't|no |not |denied|refused|fatal|invalid|out of)", re.I)


@dataclass
class _Entry:
    """A log line with the lines below it that belong to it, or lines without one (level "")."""

    level: str
    message: str
    below: list[str] = field(default_factory=list)

    def exception(self) -> str:
        """The last exception in the lines below: in Python the one that was raised, in Java the innermost cause."""
        found, in_traceback, ignored = "", False, False
        for framed in self.below:
            line = _GROUP.sub("", framed)
            if line.startswith("Exception ignored"):
                ignored = True
            elif line.lstrip().startswith(("Traceback (most recent call last)", "Exception Group Traceback")):
                in_traceback = True
            elif line and not line[0].isspace():
                match = (_ANY_EXCEPTION if in_traceback else _EXCEPTION).match(line)
                if match and not ignored:
                    found = match["text"]
                ignored = ignored and not in_traceback
                in_traceback = False
        return found

    def last_words(self) -> str:
        """What was printed when nothing caught an error, else ""."""
        spoken = [
            thread["java"] if (thread := _THREAD.match(line)) else f"{line.rstrip('.')}{_reason_below(line, after)}"
            for line, after in pairwise([*self.below, ""])
            if _LAST_WORDS.match(line) or _THREAD.match(line)
        ]
        return spoken[-1] if spoken else ""

    def error(self) -> tuple[int, str]:
        """How surely this ended the process, 0 for not at all, and the text."""
        exception, message = self.exception(), _SERVICE.sub("", _LOGGER.sub("", self.message)).strip()
        text = message if exception in message else f"{message.rstrip('. ')}: {exception}"
        match self.level:
            case _ if _SHUTDOWN.match(message):
                return 0, ""
            case "CRITICAL" | "FATAL":
                return 3, text
            case "ERROR":
                return (2 if exception else 1), text
            case "WARN" | "WARNING" if exception:  # it may be that of the warning, or what ended the process after it
                return 1, exception
        words = exception or self.last_words()
        return (3 if words else 0), words


def last_error(output: str, code: int = 1) -> str:
    """The error that most likely ended the process, on one line, else "".

    `code` is the exit code, negative for a signal. Only the last lines of the output are looked at. An exception that
    nothing caught counts more than one that was logged, and that more than a message. Of several the last one counts.
    """
    errors = [entry.error() for entry in _entries(_last_lines(output, code))]
    surest = max((rank for rank, _ in errors), default=0)
    return next((_short(text) for rank, text in reversed(errors) if rank == surest and rank), "")


def why_it_ended(output: str, code: int = 1) -> str:
    """`last_error`, or else what comes next to it: a signal from outside, or the last line that looks wrong."""
    if error := last_error(output, code):
        return f"its error: {error.removeprefix('Error: ')}"
    if -code in FROM_OUTSIDE:
        memory = ", perhaps for want of memory" if -code == signal.SIGKILL else ""
        return f"it was ended from outside{memory}, and logged no error before"
    lines = [line.strip() for line in _last_lines(output, code) if line.strip()]
    if not lines:
        return "it printed nothing"
    if unusual := [line for line in lines if _is_unusual(line) and _LOOKS_WRONG.search(line)]:
        return f"it printed: {_short(unusual[-1])}"
    return f"no error in its output, the last line: {_short(lines[-1])}"


def _last_lines(output: str, code: int) -> list[str]:
    return output.splitlines()[-(LINES_BEFORE_KILL if -code in FROM_OUTSIDE else MOST_LINES) :]


def _entries(lines: Iterable[str]) -> Iterator[_Entry]:
    entry = _Entry("", "")
    for line in lines:
        if logged := _logged(line):
            yield entry
            entry = logged
        else:
            entry.below.append(line)
    yield entry


def _logged(line: str) -> _Entry | None:
    if match := _LOGGED.match(line):
        return _Entry(match["level"], match["message"])
    if not line.startswith('{"'):
        return None
    try:
        plain = json.loads(line)
        return _Entry(plain["level"], plain["message"], str(plain.get("error", "")).splitlines())
    except (ValueError, KeyError, TypeError):
        return None


def _is_unusual(line: str) -> bool:
    logged = _logged(line)
    return logged is None or logged.level not in ("TRACE", "DEBUG", "INFO")


def _reason_below(line: str, after: str) -> str:
    """The second line of two-line messages: of C++'s terminate, and of a Java machine that cannot start."""
    two_lines = line.startswith(("terminate called", "Error occurred during", "Error: Could not"))
    return f": {after.strip().removeprefix('what():').strip()}" if two_lines and after.strip() else ""


def _short(text: str) -> str:
    return " ".join(text.split())[:MOST_CHARACTERS]
