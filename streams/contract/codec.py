"""The encoding of messages in Kafka.

A message has four parts: the version of the format, one byte; the length of the header, a uint32 in network byte
order; the header, a JSON object; and raw bytes, which are the JPEG of a frame and empty in other messages. So an
image is never sent as base64 or inside JSON.

A new field with a default, and a field that is no longer used, need no new format: a reader leaves out what it does
not know. For all else the number is raised, in two releases: the first one reads both formats and still writes the
old one, the second one writes the new one. So while a release replaces the one before, each reads what the other
writes. See infra/deploy/upgrade.md.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any

import faust
import msgspec
from faust.serializers import codecs

NAME = "sightstream"  # the name under which Faust finds this codec

Header = dict[str, Any]

WRITTEN = 1  # the format of the messages that this version writes
# the formats that this version reads, each with what makes its header one of the newest format
READ: Mapping[int, Callable[[Header], Header]] = {1: lambda header: header}

_PREFIX = struct.Struct("!BI")


class Codec(codecs.Codec):
    """Encodes a dictionary: the field ``jpeg`` as the raw bytes, all other fields as the header.

    ``loads`` raises ValueError for bytes that are not such a message.
    """

    def _dumps(self, value: dict[str, Any]) -> bytes:
        body = value.pop("jpeg", b"")
        header = msgspec.json.encode(value, enc_hook=_as_dict)
        return bytes(_PREFIX.pack(WRITTEN, len(header)) + header + body)

    def _loads(self, data: bytes) -> dict[str, Any]:
        return fields(data)


def fields(data: bytes, formats: Mapping[int, Callable[[Header], Header]] = READ) -> dict[str, Any]:
    """The fields of a message in one of these ``formats``, as the newest format has them.

    Raises:
        ValueError: the bytes are no such message.
    """
    if why := bad_envelope(data, formats):
        raise ValueError(why)
    version, length = _PREFIX.unpack_from(data)
    end = _PREFIX.size + length
    try:
        header = msgspec.json.decode(data[_PREFIX.size : end])
    except RecursionError:
        raise ValueError("the header is nested too deeply") from None
    if not isinstance(header, dict):
        raise ValueError("the header is not a JSON object")
    header = formats[version](header)
    header.pop("jpeg", None)  # an image is never inside the header
    if end < len(data):
        header["jpeg"] = data[end:]
    return header


def bad_envelope(data: bytes, formats: Mapping[int, Callable[[Header], Header]] = READ) -> str:
    """Why these bytes cannot be a message, or an empty string. The header itself is not looked at."""
    if len(data) < _PREFIX.size:
        return f"a message starts with {_PREFIX.size} bytes, this one has {len(data)}"
    version, length = _PREFIX.unpack_from(data)
    if version not in formats:
        return f"message format {version} is unknown; known: {', '.join(map(str, formats))}"
    if _PREFIX.size + length > len(data):
        return f"a header of {length} bytes in a message of {len(data)}"
    return ""


def _as_dict(record: faust.Record) -> Any:
    return record.to_representation()


codecs.register(NAME, Codec())
