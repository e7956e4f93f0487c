"""Log lines for people; or for machines, JSON objects with session and number of the frame that a line is about."""

import logging
import logging.config
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson

from streams.contract.settings import Settings

OURS = ("streams", "web", "models", "infra")
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class OfFrame(Protocol):
    """What travels on behalf of one frame."""

    session: str
    seq: int


def about(message: OfFrame) -> dict[str, Any]:
    """What to pass as ``extra`` when a line is about a frame."""
    return {"session": message.session, "seq": message.seq}


class JsonLines(logging.Formatter):
    """A line as a JSON object.

    It has ``time``, ``level``, ``logger`` and ``message``, and where there is one a ``session``, a ``seq`` and an
    ``error``, which is a traceback.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in ("session", "seq") if hasattr(record, name)}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(line, default=repr).decode()
        except orjson.JSONEncodeError:  # half a surrogate pair, an integer of a hundred digits
            return orjson.dumps({key: ascii(value) for key, value in line.items()}).decode()


def configuration(settings: Settings) -> dict[str, Any]:
    """For ``logging.config.dictConfig``: all that is logged, to standard output; details only of what is ours."""
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
    """Log as the settings say, from now on."""
    logging.config.dictConfig(configuration(settings))
