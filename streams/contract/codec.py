"""The encoding of messages in Kafka.

A message has four parts: the version of the format, one byte; the length of the header, a uint32 in network byte
order; the header, a JSON object; and raw bytes, which are the JPEG of a frame and empty in other messages. So an
image is never sent as base64 or inside JSON.
"""

import struct
from typing import Any

import faust
import msgspec
from faust.serializers import codecs

NAME = "sightstream"  # the name under which Faust finds this codec

_PREFIX = struct.Struct("!BI")
_FORMAT = 1


class Codec(codecs.Codec):
    """Encodes a dictionary: the field ``jpeg`` as the raw bytes, all other fields as the header.

    ``loads`` raises ValueError for bytes that are not such a message.
    """

    def _dumps(self, value: dict[str, Any]) -> bytes:
        body = value.pop("jpeg", b"")
        header = msgspec.json.encode(value, enc_hook=_as_dict)
        return bytes(_PREFIX.pack(_FORMAT, len(header)) + header + body)

    def _loads(self, data: bytes) -> dict[str, Any]:
        if why := bad_envelope(data):
            raise ValueError(why)
        end = _PREFIX.size + _PREFIX.unpack_from(data)[1]
        try:
            header = msgspec.json.decode(data[_PREFIX.size : end])
        except RecursionError:
            raise ValueError("the header is nested too deeply") from None
        if not isinstance(header, dict):
            raise ValueError("the header is not a JSON object")
        header.pop("jpeg", None)  # an image is never inside the header
        if end < len(data):
            header["jpeg"] = data[end:]
        return header


def bad_envelope(data: bytes) -> str:
    """Why these bytes cannot be a message, or an empty string. The header itself is not looked at."""
    if len(data) < _PREFIX.size:
        return f"a message starts with {_PREFIX.size} bytes, this one has {len(data)}"
    version, length = _PREFIX.unpack_from(data)
    if version != _FORMAT:
        return f"message format {version} is not {_FORMAT}"
    if _PREFIX.size + length > len(data):
        return f"a header of {length} bytes in a message of {len(data)}"
    return ""


def _as_dict(record: faust.Record) -> Any:
    return record.to_representation()


codecs.register(NAME, Codec())
