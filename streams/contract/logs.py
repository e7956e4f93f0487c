"""Log lines: text for people, or JSON objects for programs, with the session and number of the frame concerned."""

import logging
import logging.config
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from streams.contract.settings import Settings

OURS = ("streams", "web", "models", "infra")
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class FrameMessage(Protocol):
    """A message that belongs to one frame."""

    session: str
    seq: int


def about(message: FrameMessage) -> dict[str, object]:
    """The argument ``extra`` of a log call that concerns a frame."""
    return {"session": message.session, "seq": message.seq}


class JsonLines(logging.Formatter):
    """Formats a log record as one line, a JSON object.

    Every line has ``time``, ``level``, ``logger`` and ``message``. A line about a frame also has ``session`` and
    ``seq``. A line about an exception has ``error``, the traceback.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in ("session", "seq") if hasattr(record, name)}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        try:
            return msgspec.json.encode(line, enc_hook=repr).decode()
        except UnicodeEncodeError:  # a broken message can contain half a surrogate pair
            return msgspec.json.encode({key: ascii(value) for key, value in line.items()}).decode()


def configuration(settings: Settings) -> dict[str, Any]:
    """The argument of ``logging.config.dictConfig``. All lines go to standard output.

    With the level DEBUG, only our own packages log at that level; all others log at INFO.
    """
    formatter = {"()": JsonLines} if settings.log == "json" else {"format": TEXT}
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
