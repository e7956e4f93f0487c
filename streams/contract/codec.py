"""The bytes of a message in Kafka.

A value is one byte with the format's version, the length of the header as uint32 in network order, the header as
JSON, and then raw bytes: the JPEG of a frame, nothing for all other messages. No picture is ever sent as base64 or
inside JSON.
"""

import struct
from typing import Any

import faust
import msgspec
from faust.serializers import codecs

NAME = "sightstream"  # by which Faust finds this codec

_PREFIX = struct.Struct("!BI")
_FORMAT = 1


class Codec(codecs.Codec):
    """The header as JSON, the field ``jpeg`` as raw bytes after it. Bytes that are no message raise ValueError."""

    def _dumps(self, value: dict[str, Any]) -> bytes:
        body = value.pop("jpeg", b"")
        header = msgspec.json.encode(value, enc_hook=_plain)
        return bytes(_PREFIX.pack(_FORMAT, len(header)) + header + body)

    def _loads(self, data: bytes) -> dict[str, Any]:
        if len(data) < _PREFIX.size:
            raise ValueError(f"a message starts with {_PREFIX.size} bytes, this one has {len(data)}")
        version, length = _PREFIX.unpack_from(data)
        end = _PREFIX.size + length
        if version != _FORMAT:
            raise ValueError(f"message format {version} is not {_FORMAT}")
        if end > len(data):
            raise ValueError(f"a header of {length} bytes in a message of {len(data)}")
        header = msgspec.json.decode(data[_PREFIX.size : end])
        if not isinstance(header, dict):
            raise ValueError("the header is not a JSON object")
        if end < len(data):
            header["jpeg"] = data[end:]
        return header


def _plain(record: faust.Record) -> Any:
    return record.to_representation()


codecs.register(NAME, Codec())
