"""What browser and gateway agree on: a frame as a binary message, and why a WebSocket is closed.

A frame goes up as one binary message: a header, the round trips measured since the last frame, the JPEG.

======  ==========  ============================================================================
offset  type        meaning (network byte order)
======  ==========  ============================================================================
0       2 bytes     the letters ``SF``
2       uint8       version of this header, 1
3       uint8       how many echoes follow, at most 16
4       uint32      sequence number: 1 or more, greater than that of every earlier frame
8       float64     capture time, milliseconds since 1970 by the sender's clock
16      n × 8       echoes: uint32 sequence number, float32 milliseconds from capture to label on screen
16+8n   the rest    the JPEG
======  ==========  ============================================================================

All other messages are JSON text: see ``web/messages.py``.

A browser cannot set headers of a WebSocket, and addresses stand in logs. So the token with which it returns to its
session is one of the subprotocols that it offers: ``sightstream``, which the gateway accepts, and ``token.TOKEN``.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypedDict

from streams.contract.messages import MAX_MS

SUBPROTOCOL = "sightstream"
VERSION = 1
MAX_ECHOES = 16
_HEADER = struct.Struct("!2sBBId")
_ECHO = struct.Struct("!If")
_PREFIX = "token."


class Query(TypedDict, total=False):
    """What a client says in the address of its WebSocket."""

    model: str  # name of the model that is to answer; without it, the first that is served
    pending: str  # sequence numbers of its frames that have no answer yet, such as ``5,6``; at most 64


class CloseCode(IntEnum):
    """Why the gateway closes a WebSocket. After each of these but one, the same connection would be closed again."""

    POLICY_VIOLATION = 1008  # too many mistakes, or far too many frames
    TRY_AGAIN_LATER = 1013  # too many sockets are open: this one may come back
    BAD_REQUEST = 4400  # the address has a query that cannot be read
    BAD_TOKEN = 4401  # the session token is not ours
    BAD_ORIGIN = 4403  # pages of this origin may not connect
    TAKEN_OVER = 4409  # another socket has the session now


class BadMessage(ValueError):
    """A WebSocket message that breaks the protocol. The client gets ``code`` and the text of the error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def subprotocols(token: str) -> list[str]:
    """What a client offers that has this session token, or has none yet."""
    return [SUBPROTOCOL, _PREFIX + token] if token else [SUBPROTOCOL]


def offered_token(offered: Sequence[str]) -> str:
    """The session token among the subprotocols that a client offers; empty if there is none."""
    return next((each.removeprefix(_PREFIX) for each in offered if each.startswith(_PREFIX)), "")


@dataclass(frozen=True, slots=True)
class Upload:
    """One frame as its sender made it.

    ``captured`` is in milliseconds since 1970 by the sender's clock. ``echoes`` are pairs: an earlier frame's
    sequence number, and the milliseconds from its capture until its label was shown.
    """

    seq: int
    captured: float
    jpeg: bytes
    echoes: tuple[tuple[int, float], ...] = ()


def pack(upload: Upload) -> bytes:
    """The binary message for ``upload``; of more than 16 echoes only the last 16 are sent."""
    echoes = upload.echoes[-MAX_ECHOES:]
    header = _HEADER.pack(b"SF", VERSION, len(echoes), upload.seq, upload.captured)
    return b"".join((header, *(_ECHO.pack(seq, ms) for seq, ms in echoes), upload.jpeg))


def unpack(message: bytes) -> Upload:
    """The frame in a binary message.

    Raises:
        BadMessage: the header is too short, is not ours, has another version, or holds an impossible value.
    """
    if len(message) < _HEADER.size:
        raise BadMessage("bad_header", f"a frame starts with a header of 16 bytes, this message has {len(message)}")
    magic, version, count, seq, captured = _HEADER.unpack_from(message)
    if magic != b"SF":
        raise BadMessage("bad_header", f"a frame starts with the letters SF, this one with {magic!r}")
    if version != VERSION:
        raise BadMessage("bad_header", f"frame header version {version} is not {VERSION}: reload the page")
    start = _HEADER.size + count * _ECHO.size
    if count > MAX_ECHOES or len(message) < start:
        raise BadMessage("bad_header", f"{count} echoes do not fit: at most {MAX_ECHOES}, 8 bytes each")
    if seq < 1 or not abs(captured) <= MAX_MS:  # true of NaN, too
        raise BadMessage("bad_header", f"sequence number {seq} or capture time {captured} is impossible")
    echoes = tuple(_ECHO.iter_unpack(message[_HEADER.size : start]))
    if not all(0 <= ms <= MAX_MS for _, ms in echoes):
        raise BadMessage("bad_header", "an echo's round trip is a number of milliseconds, 0 or more")
    return Upload(seq, captured, message[start:], echoes)
