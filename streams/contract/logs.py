"""Log lines: text for people, or JSON objects for programs, with the session and number of the frame concerned.

No line has a secret: queries of addresses are left out, and of session ids, which give access to statistics, only the
beginning is shown.
"""

import logging
import logging.config
import re
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from streams.contract.canary import is_canary
from streams.contract.settings import Settings

OURS = ("streams", "web", "models", "infra")
SESSION_PREFIX = 6  # characters of a session's id in logs and views
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# up to the end of its address, without the quotation mark or bracket in which the address stands
_QUERY = re.compile(r"""(?<=[^\s?])\?\S*[^\s"')>\]]""")


class FrameMessage(Protocol):
    """A message that belongs to one frame."""

    session: str
    seq: int


def without_queries(text: str) -> str:
    """A text with ``…`` instead of the queries of the addresses in it, such as ``/ws?…``."""
    return _QUERY.sub("?…", text)


def session_shown(session: object) -> object:
    """The beginning of a session's id. Those of canaries give access to nothing, and what is no text stays."""
    if not isinstance(session, str) or is_canary(session) or len(session) <= SESSION_PREFIX:
        return session
    return f"{session[:SESSION_PREFIX]}…"


def about(message: FrameMessage) -> dict[str, object]:
    """The argument ``extra`` of a log call that concerns a frame."""
    return {"session": message.session, "seq": message.seq}


class TextLines(logging.Formatter):
    """Formats a log record as text for people."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line, and a traceback if there is one."""
        return without_queries(super().format(record))


class JsonLines(logging.Formatter):
    """Formats a log record as one line, a JSON object.

    Every line has ``time``, ``level``, ``logger`` and ``message``. A line about a frame also has ``session``, the
    beginning of its session's id, and ``seq``. A line about an exception has ``error``, the traceback.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": without_queries(record.getMessage()),
        }
        if hasattr(record, "session"):
            line["session"] = session_shown(record.session)
        if hasattr(record, "seq"):
            line["seq"] = record.seq
        if record.exc_info:
            line["error"] = without_queries(self.formatException(record.exc_info))
        try:
            return msgspec.json.encode(line, enc_hook=repr).decode()
        except UnicodeEncodeError:  # a broken message can contain half a surrogate pair
            return msgspec.json.encode({key: ascii(value) for key, value in line.items()}).decode()


def configuration(settings: Settings) -> dict[str, Any]:
    """The argument of ``logging.config.dictConfig``. All lines go to standard output.

    With the level DEBUG, only our own packages log at that level; all others log at INFO.
    """
    formatter = {"()": JsonLines} if settings.log == "json" else {"()": TextLines, "fmt": TEXT}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": formatter},
        "handlers": {"lines": {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stdout"}},
        "root": {"handlers": ["lines"], "level": "INFO" if settings.log_level == "DEBUG" else settings.log_level},
        "loggers": {name: {"level": settings.log_level} for name in OURS},
    }


def configure(settings: Settings) -> None:
    """Set up logging for this process."""
    logging.config.dictConfig(configuration(settings))
