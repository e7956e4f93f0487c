import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from web.protocol import BadMessage, Upload, offered_token, pack, subprotocols, unpack


def test_a_frame_comes_through_as_it_was_sent() -> None:
    upload = Upload(7, 1234.5, b"\xff\xd8picture", ((5, 20.5), (6, 21.25)))
    assert unpack(pack(upload)) == upload


@pytest.mark.parametrize("token", ["", "ImFiYyI.aR2-_w.x-y_z"])
def test_a_token_comes_through_among_the_subprotocols(token: str) -> None:
    assert offered_token(subprotocols(token)) == token
    assert offered_token(["chat", *subprotocols(token)]) == token
    assert offered_token([]) == ""


def test_a_frame_without_echoes_is_sixteen_bytes_and_the_picture() -> None:
    assert len(pack(Upload(1, 0.0, b"x"))) == 17


def test_only_the_latest_echoes_are_sent() -> None:
    echoes = tuple((seq, 1.0) for seq in range(40))
    assert unpack(pack(Upload(1, 0.0, b"", echoes))).echoes == echoes[-16:]


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"SF",
        b"XX" + pack(Upload(1, 0.0, b""))[2:],
        struct.pack("!2sBBId", b"SF", 2, 0, 1, 0.0),
        struct.pack("!2sBBId", b"SF", 1, 17, 1, 0.0) + bytes(200),
        struct.pack("!2sBBId", b"SF", 1, 2, 1, 0.0) + bytes(15),
        struct.pack("!2sBBId", b"SF", 1, 0, 0, 0.0),
        struct.pack("!2sBBId", b"SF", 1, 0, 1, float("nan")),
        struct.pack("!2sBBIdIf", b"SF", 1, 1, 1, 0.0, 1, -1.0),
    ],
)
def test_a_wrong_header_is_named(message: bytes) -> None:
    with pytest.raises(BadMessage) as caught:
        unpack(message)
    assert caught.value.code == "bad_header"


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda tail: b"SF\x01" + tail))
@settings(max_examples=5000)
def test_any_bytes_are_a_frame_or_a_named_error(message: bytes) -> None:
    try:
        upload = unpack(message)
    except BadMessage:
        return
    assert unpack(pack(upload)) == upload
