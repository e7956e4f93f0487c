"""Grey pictures of 12, 16 or 32 bits, and of signed numbers, as 8 bits."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from models.pictures.errors import uncommon

_BAND = 1 << 20  # pixels that are scaled at a time
_WHITES = (1, 15, 255, 1023, 4095, 16383, 65535)  # with 1, 4, 8, 10, 12, 14 and 16 bits
_DARK = 1 / 16  # where all fractions are smaller, the largest is white
_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339  # TIFF fields
_UNSIGNED, _SIGNED = 1, 2  # values of _SAMPLE_FORMAT
_WHITE_IS_ZERO = 0  # a value of _PHOTOMETRIC


def needs_scaling(image: Image.Image) -> bool:
    """Whether the image is grey and its values are not 0 to 255."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16") or _stored_as(image) == np.int8


def scaled(image: Image.Image) -> Image.Image:
    """The image as 8-bit greys.

    Black is 0 and white is what `white` says. Where a number is negative, the lowest is black and the highest white.
    What is no number (NaN) is black, and what is infinite is as the highest or the lowest number.

    Raises UnreadableFrame if nothing in it is a number.
    """
    image.load()
    low, high = np.inf, -np.inf
    whole_numbers = image.mode != "F"
    for _, values in _bands(image):
        numbers = values[np.isfinite(values)]
        if numbers.size:
            low, high = min(low, float(numbers.min())), max(high, float(numbers.max()))
    if low > high:
        raise uncommon(image.format or "a picture", "no numbers in it")
    tags = image.tag_v2 if isinstance(image, TiffImageFile) else {}
    top = high
    if low >= 0:
        bits = tags.get(_BITS, (16,))[0]
        low, top = 0.0, 2.0**bits - 1 if bits < 16 else white(high, whole_numbers=whole_numbers)
    scale = 255 / ((top - low) or 1.0)
    grey = Image.new("L", image.size)
    for place, values in _bands(image):
        numbers = np.nan_to_num(values.astype(np.float64), nan=low, posinf=high, neginf=low)
        levels = np.rint((numbers - low) * scale).clip(0, 255).astype(np.uint8)
        grey.paste(Image.fromarray(255 - levels if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else levels), (0, place))
    return grey


def white(highest: float, *, whole_numbers: bool) -> float:
    """The number that is white in a picture without negative ones.

    Whole numbers: the largest of the fewest bits that hold `highest`, or `highest` itself where 16 bits do not.
    Fractions: 1 where `highest` is 1/16 to 1; below, and up to 32, `highest` itself; above as for whole numbers.
    """
    if not whole_numbers and highest <= 32:
        return 1.0 if _DARK <= highest <= 1 else highest
    return next((float(each) for each in _WHITES if highest <= each), highest)


def _bands(image: Image.Image) -> Iterator[tuple[int, NDArray[np.generic]]]:
    """The numbers of the image (rows, width), some rows at a time, each time with the place of the first row."""
    rows = max(1, _BAND // image.width)
    stored_as = _stored_as(image)
    for top in range(0, image.height, rows):
        band = np.asarray(image.crop((0, top, image.width, min(top + rows, image.height))))
        yield top, band if stored_as is None else band.view(stored_as)


def _stored_as(image: Image.Image) -> type[np.generic] | None:
    """What the numbers of a TIFF are, where Pillow takes them for signed or for unsigned ones."""
    if not isinstance(image, TiffImageFile):
        return None
    sample_format = image.tag_v2.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0]
    types: dict[tuple[str, int], type[np.generic]] = {("I", _UNSIGNED): np.uint32, ("L", _SIGNED): np.int8}
    return types.get((image.mode, sample_format))
