"""What can become of a frame, where that is decided, and which steps of its way are timed.

This is the only place where these words are written. A new reason for a drop is one line of ``Outcome``.
"""

from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """What became of a frame. All but ``ANSWERED`` and ``EXPIRED`` are reasons for a drop."""

    ANSWERED = "answered"  # it has labels
    EXPIRED = "expired"  # the gateway got no answer in time
    SUPERSEDED = "superseded"  # a newer frame of the same session was waiting
    STALE = "stale"  # it waited longer than the freshness limit
    RATE = "rate"  # its session sends more frames a second than it may
    TOO_LARGE = "too_large"  # it has too many bytes or pixels
    UNREADABLE = "unreadable"  # it is not a whole JPEG
    UNKNOWN_MODEL = "unknown_model"  # it asks for a model that is not served
    FAILED = "failed"  # an unexpected failure of the decoder or the engine


class Stage(StrEnum):
    """Which process decided what becomes of a frame."""

    GATEWAY = "gateway"
    WORKER = "worker"


class Hop(StrEnum):
    """The timed steps of a frame's way, in order. Each has the name of the moment at which it ends."""

    RECEIVED = "received"  # the gateway has it
    QUEUED = "queued"  # the worker has it
    DECODED = "decoded"  # its picture is ready for the engine
    CLASSIFIED = "classified"  # the engine has its labels
    PUBLISHED = "published"  # the worker sends the answer
    DELIVERED = "delivered"  # the browser shows the labels


CAPTURED: Final = "captured"  # the moment at which the first hop begins
SERVER_HOPS: Final = tuple(Hop)[:-1]  # those that gateway and worker time; the browser times the last one
