"""The first directory of a TIFF file."""

from typing import Literal

import numpy as np
import pytest
from PIL import Image

from models.images import UnreadableFrame, read_picture
from models.pictures.tiff import directory, form, is_camera_raw, is_cut_off, orientation, without_metadata
from tests.fakes.pictures import encoded, scene, tiff

COLOUR = np.asarray(scene())


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("value", range(1, 9))
def test_orientation_is_read_in_both_byte_orders(order: Literal["<", ">"], value: int) -> None:
    assert orientation(tiff(COLOUR, {274: value}, order)) == value
    assert orientation(b"Exif\0\0" + tiff(COLOUR, {274: value}, order)) == value


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_upright(value: int) -> None:
    assert orientation(tiff(COLOUR, {274: value})) == 1


@pytest.mark.parametrize(
    "exif", [b"", b"II", b"II*\0\x08\0\0\0\x01", b"MM\0*\xff\xff\xff\xff", b"Exif\0\0", b"II+\0" + b"\xff" * 16]
)
def test_a_broken_block_is_upright(exif: bytes) -> None:
    assert orientation(exif) == 1


def test_metadata_and_further_pages_are_left_out() -> None:
    pages = encoded(scene(), "TIFF", save_all=True, append_images=[scene().rotate(180)], description="a text")
    bare = without_metadata(pages)
    assert {entry.tag for entry in directory(pages).entries} > {270, 256}  # type: ignore[union-attr]
    assert 270 not in {entry.tag for entry in directory(bare).entries}  # type: ignore[union-attr]
    assert (read_picture(pages, 64) == read_picture(encoded(scene(), "TIFF"), 64)).all()


@pytest.mark.parametrize("fields", [{254: 1, 330: 8}, {50706: 1}, {262: 32803}, {262: 34892}, {259: 34713}])
def test_a_camera_raw_file_is_told_from_a_picture(fields: dict[int, int]) -> None:
    assert is_camera_raw(tiff(COLOUR, fields))
    assert not is_camera_raw(tiff(COLOUR))


def test_a_directory_of_too_few_strips_is_a_picture_cut_off() -> None:
    assert not is_cut_off(tiff(COLOUR))
    short = tiff(COLOUR, {278: 100})  # one strip of 100 of 240 rows
    assert is_cut_off(short)
    with pytest.raises(UnreadableFrame, match="the TIFF is cut off or damaged"):
        read_picture(short, 64)


@pytest.mark.parametrize(
    ("pixels", "fields", "words"),
    [
        (
            COLOUR.astype(np.float32),
            {},
            "TIFF with 3 channels of 32-bit fractions is not read: save it as an ordinary",
        ),
        (COLOUR.astype(np.float16), {}, "TIFF with 3 channels of 16-bit fractions is not read"),
        (COLOUR.astype(np.uint32), {}, "TIFF with 3 channels of 32-bit numbers is not read"),
        (COLOUR[..., :2], {}, "TIFF with 2 channels of 8-bit numbers is not read"),
        (COLOUR[..., 0].astype(np.float16), {}, "TIFF with 1 channel of 16-bit fractions is not read"),
        (COLOUR, {259: 34887}, "TIFF with 3 channels of 8-bit numbers and compression 34887 is not read"),  # LERC
    ],
    ids=["float colours", "half colours", "32-bit colours", "two channels", "half greys", "LERC"],
)
def test_forms_that_are_not_read_are_named(
    pixels: np.typing.NDArray[np.generic], fields: dict[int, int], words: str
) -> None:
    with pytest.raises(UnreadableFrame, match=words):
        read_picture(tiff(pixels, fields), 64)


def test_of_a_directory_that_is_cut_off_no_form_is_said() -> None:
    picture = tiff(COLOUR.astype(np.float32))
    assert form(picture)
    assert [form(picture[:-cut]) for cut in (1, 20, 100, 200)] == [""] * 4


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_common_forms_are_read(mode: str, compression: str) -> None:
    if mode == "LAB":
        from PIL import ImageCms

        image = ImageCms.profileToProfile(
            scene(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
        assert image is not None
    else:
        image = scene().convert(mode)
    expected = image.convert("RGB") if mode != "LAB" else scene()
    read = read_picture(encoded(image, "TIFF", compression=compression), 64)
    assert np.abs(read.astype(int) - read_picture(expected, 64)).mean() < 4


def test_premultiplied_transparency_stands_on_white() -> None:
    half = np.full((64, 64, 4), (100, 0, 0, 128), np.uint8)
    picture = tiff(half, {262: 2, 338: 1})
    assert np.abs(read_picture(picture, 32)[0, 0].astype(int) - (227, 127, 127)).max() <= 2
    assert Image.fromarray(half).mode == "RGBA"
