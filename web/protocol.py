"""The words that browser and gateway exchange over the WebSocket.

A frame travels up as one binary message: a header, the round trips measured since the last frame, the JPEG.

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

Everything else is JSON text with a ``type``. Up: ``ping`` with ``sent``, the sender's clock, and ``offset``, by how
many milliseconds the server's clock is ahead of it as the pongs so far have shown (null at first). Down:
``welcome``, ``labels``, ``dropped``, ``pong``, ``models`` and ``error``. ``labels`` and ``dropped`` have the ``seq``
of their frame; ``also``, where ``dropped`` has it, lists further frames with the same fate.
"""

import json
import math
import struct
from dataclasses import dataclass
from typing import Any

VERSION = 1
MAX_ECHOES = 16
MAX_WORD = 1024  # characters of a text message
_HEADER = struct.Struct("!2sBBId")
_ECHO = struct.Struct("!If")


class BadMessage(ValueError):
    """A WebSocket message that is no frame and no known word; ``code`` is what the client is told."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Upload:
    """One frame as its sender made it.

    ``captured`` is in milliseconds since 1970 by the sender's clock; ``echoes`` are pairs of an earlier frame's
    sequence number and the milliseconds from its capture until its label was shown.
    """

    seq: int
    captured: float
    jpeg: bytes
    echoes: tuple[tuple[int, float], ...] = ()


def pack(upload: Upload) -> bytes:
    """The binary message for ``upload``."""
    echoes = upload.echoes[-MAX_ECHOES:]
    header = _HEADER.pack(b"SF", VERSION, len(echoes), upload.seq, upload.captured)
    return b"".join((header, *(_ECHO.pack(seq, ms) for seq, ms in echoes), upload.jpeg))


def unpack(message: bytes) -> Upload:
    """The frame in a binary message.

    Raises:
        BadMessage: the header is short, not ours, of another version, or holds an impossible value.
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
    if seq < 1 or not math.isfinite(captured):
        raise BadMessage("bad_header", f"sequence number {seq} or capture time {captured} is impossible")
    echoes = tuple(_ECHO.iter_unpack(message[_HEADER.size : start]))
    if not all(math.isfinite(ms) and ms >= 0 for _, ms in echoes):
        raise BadMessage("bad_header", "an echo's round trip is a number of milliseconds, 0 or more")
    return Upload(seq, captured, message[start:], echoes)


def unpack_word(text: str) -> dict[str, Any]:
    """The JSON object in a text message.

    Raises:
        BadMessage: it is not one of the words a client may say.
    """
    if len(text) > MAX_WORD:
        raise BadMessage("not_binary", f"frames are binary messages; this was text of {len(text)} characters")
    try:
        word = json.loads(text, parse_int=float)  # an integer of a thousand digits is just infinite
    except (ValueError, RecursionError):
        raise BadMessage("not_binary", "frames are binary messages; this was text that is not JSON") from None
    if not isinstance(word, dict) or word.get("type") != "ping":
        raise BadMessage("unknown_word", 'the only text message a client sends is {"type": "ping", "sent": ms}')
    if not _is_number(word.get("sent")) or not (word.get("offset") is None or _is_number(word["offset"])):
        raise BadMessage("unknown_word", "a ping carries two numbers: sent, and offset or null")
    return word


def _is_number(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)
