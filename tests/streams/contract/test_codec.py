import struct

import pytest

from streams.contract.codec import READ, WRITTEN, Codec, fields
from streams.contract.messages import Frame, Label
from tests import SAMPLES

JPEG = (SAMPLES / "cat.jpg").read_bytes()


def test_a_message_is_version_header_length_header_and_body() -> None:
    header = b'{"seq":1}'
    assert Codec().dumps({"seq": 1, "jpeg": JPEG}) == b"\x01" + struct.pack("!I", len(header)) + header + JPEG


def test_an_image_travels_as_raw_bytes_not_as_text() -> None:
    message = Frame(session="s", seq=1, jpeg=JPEG).dumps()
    assert message.endswith(JPEG)
    assert len(message) < len(JPEG) + 200


def test_records_inside_a_message_are_json_objects() -> None:
    value = {"labels": [Label(281, "tabby", 0.5)]}
    [label] = Codec().loads(Codec().dumps(value))["labels"]
    assert (label["index"], label["label"], label["probability"]) == (281, "tabby", 0.5)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x01\x00",
        b"garbage that is long enough",
        b"\x02" + b"\x00" * 8,
        struct.pack("!BI", 1, 1000) + b"{}",
        struct.pack("!BI", 1, 2) + b"[]",
        struct.pack("!BI", 1, 4) + b"\xff\xfe\xfd\xfc",
        struct.pack("!BI", 1, 5) + b"{'a'}",
    ],
)
def test_bytes_that_are_not_a_message_are_a_value_error(message: bytes) -> None:
    with pytest.raises(ValueError):
        Codec().loads(message)


def of_format(version: int, header: bytes) -> bytes:
    return struct.pack("!BI", version, len(header)) + header + JPEG


def test_a_release_with_a_new_format_still_reads_the_one_before_and_no_other() -> None:
    formats = {1: lambda header: {"number": header.pop("seq"), **header}, 2: lambda header: header}
    assert fields(of_format(1, b'{"seq":1,"model":"m"}'), formats) == {"number": 1, "model": "m", "jpeg": JPEG}
    assert fields(of_format(2, b'{"number":1}'), formats) == {"number": 1, "jpeg": JPEG}
    for version in (0, 3):
        with pytest.raises(ValueError, match=f"message format {version} is unknown; known: 1, 2"):
            fields(of_format(version, b"{}"), formats)


def test_what_this_release_writes_it_reads() -> None:
    assert WRITTEN in READ
