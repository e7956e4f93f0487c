"""The possible outcomes of a frame, the processes that decide them, and the timed hops of its way.

These words are written only here: the code that messages, JSON and metrics have, and the ``words`` that people read.
A new reason for a drop is one more line of ``Outcome``. A version that does not know it reads it as ``OTHER_REASON``,
so its frames are counted all the same. A stage is read likewise.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Self


class Worded(StrEnum):
    """A code for programs, with words for people."""

    words: str

    def __new__(cls, code: str, words: str = "") -> Self:
        """A member whose value is ``code``."""
        member = str.__new__(cls, code)
        member._value_, member.words = code, words
        return member


class Outcome(Worded):
    """The outcome of a frame. All but ``ANSWERED`` and ``EXPIRED`` are reasons for a drop."""

    ANSWERED = "answered", "answered"  # it has labels
    EXPIRED = "expired", "no answer"  # the gateway got no answer in time
    SUPERSEDED = "superseded", "replaced by a newer frame"  # of the same session, while it waited
    STALE = "stale", "too old"  # it waited longer than the freshness limit
    RATE = "rate", "too many frames a second"  # its session sends more than allowed
    TOO_LARGE = "too_large", "too large"  # it has too many bytes or pixels
    UNREADABLE = "unreadable", "not readable"  # it is not a complete JPEG
    UNKNOWN_MODEL = "unknown_model", "model not served"  # the requested one
    FAILED = "failed", "error in the worker"  # an unexpected failure of the decoder or the engine
    OTHER_REASON = "other_reason", "another reason"  # one that only a newer version knows; nobody decides it

    @classmethod
    def _missing_(cls, value: object) -> "Outcome | None":
        return cls.OTHER_REASON if isinstance(value, str) else None


class Stage(StrEnum):
    """The process that decided the outcome of a frame."""

    GATEWAY = "gateway"
    WORKER = "worker"
    OTHER = "other"  # one that only a newer version knows

    @classmethod
    def _missing_(cls, value: object) -> "Stage | None":
        return cls.OTHER if isinstance(value, str) else None


class Hop(Worded):
    """The timed hops of a frame, in order. The code is the moment at which it ends."""

    RECEIVED = "received", "to the gateway"  # the gateway has it
    QUEUED = "queued", "to the worker"  # the worker has it
    DECODED = "decoded", "reading the picture"  # its image is ready for the engine
    CLASSIFIED = "classified", "the neural network"  # the engine has its labels
    PUBLISHED = "published", "sending the answer"  # the worker sends the answer
    DELIVERED = "delivered", "back to the screen"  # the browser shows the labels


CAPTURED: Final = "captured"  # the moment at which the first hop starts
SERVER_HOPS: Final = tuple(Hop)[:-1]  # timed by gateway and worker; the last hop needs the browser's echo


def counts_in_words(counts: Mapping[str, int]) -> str:
    """Frames by outcome for people, such as "too old: 3, no answer: 1"; "none" if there are no frames.

    The code of an outcome that only a newer version knows is shown as it is.
    """
    words: dict[str, str] = {each: each.words for each in Outcome}
    return ", ".join(f"{words.get(each, each)}: {frames}" for each, frames in counts.items() if frames) or "none"
