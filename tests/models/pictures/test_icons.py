"""Of an icon file, its largest picture is read."""

import struct

import numpy as np
import pytest
from PIL import Image

from models.images import FrameTooLarge, UnreadableFrame, read_picture
from models.pictures.icons import largest
from tests.fakes.pictures import encoded, scene

SIZES = [(16, 16), (128, 128), (48, 48)]


def icon(*entries: tuple[int, int, bytes]) -> bytes:
    """An ICO file of pictures, each with its side and its bits."""
    place, head, body = 6 + 16 * len(entries), struct.pack("<HHH", 0, 1, len(entries)), b""
    for side, bits, picture in entries:
        head += struct.pack("<BBBBHHII", side % 256, side % 256, 0, 0, 1, bits, len(picture), place + len(body))
        body += picture
    return head + body


@pytest.mark.parametrize("form", ["png", "bmp"])
def test_the_largest_picture_is_read(form: str) -> None:
    square = scene(256, 256)
    picture = read_picture(encoded(square, "ICO", sizes=SIZES, bitmap_format=form), 64)
    assert np.abs(picture.astype(int) - read_picture(square, 64)).mean() < 3


def test_of_two_of_one_size_the_one_with_more_colours_is_read() -> None:
    plain, fine = (
        encoded(Image.new("RGB", (32, 32), "red"), "PNG"),
        encoded(Image.new("RGB", (32, 32), "blue"), "PNG"),
    )
    assert (read_picture(icon((32, 8, plain), (32, 32, fine)), 16) == (0, 0, 255)).all()
    assert (read_picture(icon((32, 32, fine), (32, 8, plain)), 16) == (0, 0, 255)).all()


def test_a_broken_smaller_picture_does_no_harm() -> None:
    fine = encoded(Image.new("RGB", (64, 64), "blue"), "PNG")
    assert (read_picture(icon((16, 32, b"broken"), (64, 32, fine)), 16) == (0, 0, 255)).all()


def test_a_picture_larger_than_an_icon_is_refused_by_its_header() -> None:
    bitmap = struct.pack("<IiiHHIIiiII", 40, 40_000, 80_000, 1, 32, 0, 0, 0, 0, 0, 0)
    with pytest.raises(FrameTooLarge, match="40000×40000 pixels need too much memory"):
        largest(icon((16, 32, bitmap)))


@pytest.mark.parametrize("entries", [0, 1, 65535])
def test_a_directory_that_lies_is_damaged(entries: int) -> None:
    with pytest.raises(UnreadableFrame, match=r"the ICO is cut off or damaged|not a picture of a known kind"):
        read_picture(b"\0\0\1\0" + entries.to_bytes(2, "little") + bytes(40), 32)
