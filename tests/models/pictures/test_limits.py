"""How much memory a picture needs, and how long it would take."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from models.images import FrameTooLarge, UnreadableFrame
from models.pictures.limits import MAX_BYTES, check_bytes, check_pixels, image_bytes, working_bytes
from tests.fakes.mutated_pictures import run_lengths_bmp
from tests.fakes.pictures import encoded, scene, tiff


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


def test_a_jpeg_of_several_scans_keeps_its_coefficients() -> None:
    pixels = 6000 * 4000
    picture = Image.new("RGB", (6000, 4000), "red")
    for options, each in (({}, 0), ({"progressive": True}, 3), ({"progressive": True, "subsampling": 0}, 6)):
        data = encoded(picture, **options)
        assert working_bytes(opened(data), data) - len(data) == each * pixels


def test_of_a_small_jpeg_the_scans_need_not_be_counted() -> None:
    data = encoded(scene())
    assert working_bytes(opened(data), data) < len(data) + 8 * 320 * 240


def test_thousands_of_scans_are_refused_where_they_take_long() -> None:
    data = encoded(Image.new("L", (6000, 4000)), progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(UnreadableFrame, match=r"JPEG with \d+ scans of 24,000,000 pixels is not read: save it as"):
        working_bytes(opened(data[:-2] + 5000 * scan + data[-2:]), data[:-2] + 5000 * scan + data[-2:])


@pytest.mark.parametrize(
    ("data", "each"),
    [
        (encoded(scene(), "PNG"), 4),
        (encoded(scene().convert("L"), "PNG"), 1),
        (encoded(scene().convert("1"), "PNG"), 1),
        (encoded(scene(), "WEBP"), 16),
        (encoded(scene().convert("F"), "TIFF"), 5),
    ],
)
def test_the_memory_of_a_pixel_is_known(data: bytes, each: int) -> None:
    image = opened(data)
    assert image_bytes(image) == each * image.width * image.height


def test_run_lengths_count_more_than_plain_bitmaps() -> None:
    slow, fast = opened(run_lengths_bmp()), opened(encoded(scene(64, 48).quantize(), "BMP"))
    assert image_bytes(slow) > 10 * image_bytes(fast)


def test_a_tile_larger_than_the_picture_counts() -> None:
    data = tiff(np.asarray(scene()), {322: 60_000, 323: 60_000})
    assert working_bytes(opened(data), data) > MAX_BYTES


def test_more_than_is_allowed_is_refused() -> None:
    check_bytes(MAX_BYTES, (5, 6))
    with pytest.raises(FrameTooLarge, match="5×6 pixels need too much memory"):
        check_bytes(MAX_BYTES + 1, (5, 6))
    image = Image.new("1", (1, 1))
    check_pixels(image)
