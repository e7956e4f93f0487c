"""The possible outcomes of a frame, the processes that decide them, and the timed hops of its way.

These words are written only here. A new reason for a drop is one more line of ``Outcome``.
"""

from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """The outcome of a frame. All but ``ANSWERED`` and ``EXPIRED`` are reasons for a drop."""

    ANSWERED = "answered"  # it has labels
    EXPIRED = "expired"  # the gateway got no answer in time
    SUPERSEDED = "superseded"  # a newer frame of the same session was waiting
    STALE = "stale"  # it waited longer than the freshness limit
    RATE = "rate"  # its session sends more frames a second than allowed
    TOO_LARGE = "too_large"  # it has too many bytes or pixels
    UNREADABLE = "unreadable"  # it is not a complete JPEG
    UNKNOWN_MODEL = "unknown_model"  # the requested model is not served
    FAILED = "failed"  # an unexpected failure of the decoder or the engine


class Stage(StrEnum):
    """The process that decided the outcome of a frame."""

    GATEWAY = "gateway"
    WORKER = "worker"


class Hop(StrEnum):
    """The timed hops of a frame, in order. A hop has the name of the moment at which it ends."""

    RECEIVED = "received"  # the gateway has it
    QUEUED = "queued"  # the worker has it
    DECODED = "decoded"  # its image is ready for the engine
    CLASSIFIED = "classified"  # the engine has its labels
    PUBLISHED = "published"  # the worker sends the answer
    DELIVERED = "delivered"  # the browser shows the labels


CAPTURED: Final = "captured"  # the moment at which the first hop starts
SERVER_HOPS: Final = tuple(Hop)[:-1]  # timed by gateway and worker; the last hop needs the browser's echo
