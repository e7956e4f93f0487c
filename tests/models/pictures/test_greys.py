"""Grey pictures of more than 8 bits keep what can be seen in them."""

from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.images import UnreadableFrame, read_picture
from models.pictures.greys import white
from tests.fakes.pictures import encoded, scene, tiff

GREY = np.asarray(scene().convert("L"))  # 40 to 219 or so
EXPECTED = read_picture(scene().convert("L"), 64)


def difference(picture: bytes, expected: NDArray[np.uint8] = EXPECTED) -> float:
    return float(np.abs(read_picture(picture, 64).astype(int) - expected).mean())


def stretched(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is expected where the lowest number is black and the highest white."""
    low, high = int(levels.min()), int(levels.max())
    return read_picture(Image.fromarray(((levels.astype(float) - low) * 255 / (high - low)).astype(np.uint8)), 64)


SCALED: dict[str, NDArray[Any]] = {
    "16 bits": GREY.astype(np.uint16) * 257,
    "16 bits in 32": GREY.astype(np.int32) * 257,
    "16 bits in 32, unsigned": GREY.astype(np.uint32) * 257,
    "8 bits in 16": GREY.astype(np.uint16),
    "8 bits in 32": GREY.astype(np.int32),
    "12 bits in 16": GREY.astype(np.uint16) * 16,
    "14 bits in 16": GREY.astype(np.uint16) * 64,
    "12 bits in 32": GREY.astype(np.int32) * 16,
    "0 to 1 in fractions": (GREY / 255).astype(np.float32),
    "0 to 255 in fractions": GREY.astype(np.float32),
    "0 to 65535 in fractions": GREY.astype(np.float32) * 257,
}


@pytest.mark.parametrize("name", SCALED)
@pytest.mark.parametrize("order", ["<", ">"])
def test_greys_of_many_bits_are_as_those_of_8(name: str, order: Literal["<", ">"]) -> None:
    picture = tiff(SCALED[name], order=order)
    if (order, name) == (">", "16 bits in 32, unsigned"):
        with pytest.raises(UnreadableFrame, match="TIFF with 1 channel of 32-bit numbers is not read"):
            read_picture(picture, 64)
    else:
        assert difference(picture) < 2


@pytest.mark.parametrize("name", ["16 bits", "8 bits in 16", "12 bits in 16"])
def test_a_png_of_16_bits_is_scaled_in_the_same_way(name: str) -> None:
    assert difference(encoded(Image.fromarray(SCALED[name]), "PNG")) < 2


@pytest.mark.parametrize(
    ("name", "top"),
    [
        ("16 bits", 65535),
        ("12 bits in 16", 4095),
        ("14 bits in 16", 16383),
        ("0 to 1 in fractions", 1),
        ("0 to 255 in fractions", 255),
    ],
)
def test_white_may_be_zero(name: str, top: int) -> None:
    values = SCALED[name]
    assert difference(tiff((top - values).astype(values.dtype), {262: 0})) < 2


def test_white_as_zero_in_32_bits_is_refused_by_name() -> None:
    with pytest.raises(UnreadableFrame, match="TIFF with 1 channel of 32-bit numbers is not read"):
        read_picture(tiff(SCALED["16 bits in 32"], {262: 0}), 64)


NEGATIVE: dict[str, NDArray[Any]] = {
    "signed 16 bits": (GREY.astype(np.int16) - 128) * 100,
    "signed 32 bits": (GREY.astype(np.int32) - 128) * 100_000,
    "signed 8 bits": (GREY.astype(np.int16) - 128).astype(np.int8),
    "fractions": (GREY.astype(np.float32) - 128) / 3,
}


@pytest.mark.parametrize("name", NEGATIVE)
def test_with_negative_numbers_the_lowest_is_black_and_the_highest_white(name: str) -> None:
    assert difference(tiff(NEGATIVE[name]), stretched(GREY)) < 2


@pytest.mark.parametrize("large", [3e5, 4e9])
def test_whole_numbers_beyond_16_bits_are_scaled_by_the_highest(large: float) -> None:
    values = (GREY / GREY.max() * large).astype(np.uint32)
    expected = read_picture(Image.fromarray((GREY / GREY.max() * 255).astype(np.uint8)), 64)
    assert difference(tiff(values), expected) < 2


def test_what_is_no_number_is_black_and_infinite_as_the_highest() -> None:
    values = np.full((64, 64), 0.5, np.float32)
    values[:16], values[16:32], values[32:48] = np.nan, np.inf, -np.inf
    values[0, 0] = 1.0
    pixels = read_picture(tiff(values), 64, crop=1)[:, 32, 0]
    assert [pixels[8], pixels[24], pixels[40], pixels[56]] == [0, 255, 0, 128]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_picture_without_any_number_is_refused_by_name(value: float) -> None:
    with pytest.raises(UnreadableFrame, match="TIFF with no numbers in it is not read: save it as"):
        read_picture(tiff(np.full((64, 64), value, np.float32)), 64)


@pytest.mark.parametrize(
    ("value", "grey"),
    [
        (np.uint16(0), 0),
        (np.uint16(0x8000), 128),
        (np.uint16(65535), 255),
        (np.int32(200), 200),
        (np.float32(0), 0),
        (np.float32(0.5), 128),
        (np.float32(1), 255),
        (np.float32(128), 128),
    ],
)
def test_a_picture_of_one_grey_keeps_it(value: np.generic, grey: int) -> None:
    assert (read_picture(tiff(np.full((32, 32), value)), 16) == grey).all()


@pytest.mark.parametrize(
    ("highest", "whole_numbers", "expected"),
    [
        (1, True, 1),
        (2, True, 15),
        (255, True, 255),
        (256, True, 1023),
        (4095, True, 4095),
        (4096, True, 16383),
        (70_000, True, 70_000),
        (0.05, False, 0.05),
        (0.9, False, 1),
        (1.5, False, 1.5),
        (200, False, 255),
        (1e9, False, 1e9),
    ],
)
def test_white_is_the_largest_number_of_the_fewest_bits(highest: float, whole_numbers: bool, expected: float) -> None:
    assert white(highest, whole_numbers=whole_numbers) == expected


def test_colours_of_16_bits_are_read() -> None:
    colours = np.asarray(scene()).astype(np.uint16) * 257
    assert difference(tiff(colours), read_picture(scene(), 64)) < 2


def test_colours_of_12_bits_in_16_are_refused_by_name_instead_of_black() -> None:
    colours = np.asarray(scene()).astype(np.uint16) * 16
    with pytest.raises(UnreadableFrame, match="channels of 16 bits, 4 or more of them unused, is not read: save it"):
        read_picture(tiff(colours), 64)
