"""Pictures and wire frames to RGB arrays, and a picture to the frame a client would send for it.

A frame is what crosses the wire: a JPEG that its sender has already framed. A picture is a file a person has: any
still image, still to be cropped.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

MAX_FRAME_PIXELS = 4_000_000
MAX_PICTURE_PIXELS = 100_000_000
# The share of the short side that ImageNet networks are tested on: 224 of 256 pixels.
CENTRE_CROP = 0.875

_ORIENTATION = 0x0112
_UPRIGHT = {  # what each EXIF orientation asks for
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# A progressive JPEG has about ten scans. Thousands, of a few bytes each, would redo the picture as often.
_MAX_SCANS = 100
_START_OF_SCAN = b"\xff\xda"

Picture = str | Path | bytes | Image.Image


class BadFrame(ValueError):
    """A picture that cannot be classified."""


class UnreadableFrame(BadFrame):
    """The bytes are no whole image of a kind that is read."""


class FrameTooLarge(BadFrame):
    """The header announces more pixels than are allowed; nothing was decoded."""


def read_frame(jpeg: bytes, size: int, max_pixels: int = MAX_FRAME_PIXELS) -> np.ndarray:
    """A wire frame as (size, size, 3) uint8 RGB.

    Only JPEG is read. A frame of another size is resized (bicubic), one not square is cut to its centre first.
    Raises UnreadableFrame or FrameTooLarge.
    """
    if not jpeg:
        raise UnreadableFrame("the frame is empty; send a JPEG")
    if jpeg.count(_START_OF_SCAN) > _MAX_SCANS:
        raise UnreadableFrame(f"the JPEG has more than {_MAX_SCANS} scans; send a baseline JPEG")
    with _named_errors("JPEG"):
        # The plugin itself, not Image.open: only this format, and our pixel limit instead of the global one.
        image = JpegImageFile(BytesIO(jpeg))
        _check_pixels(image, max_pixels)
        # a picture of many times the size is decoded at a fraction of it, at an eighth of the cost
        image.draft(None, (2 * size, 2 * size))
        return np.asarray(_square(_rgb(image), size, crop=1.0))  # (size, size, 3) uint8


def read_picture(
    picture: Picture, size: int, crop: float = CENTRE_CROP, max_pixels: int = MAX_PICTURE_PIXELS
) -> np.ndarray:
    """A picture as (size, size, 3) uint8 RGB: upright, the centre square of `crop` of its short side, bicubic.

    Raises UnreadableFrame or FrameTooLarge, and OSError when a file cannot be opened.
    """
    return np.asarray(_framed(picture, size, crop, max_pixels))  # (size, size, 3) uint8


def to_frame(
    picture: Picture,
    size: int,
    quality: int = 95,
    crop: float = CENTRE_CROP,
    max_pixels: int = MAX_PICTURE_PIXELS,
    subsampling: str = "4:4:4",
) -> bytes:
    """The JPEG that a client sends for a picture: what `read_frame` makes of it is `read_picture` of the picture.

    Raises what `read_picture` raises.
    """
    jpeg = BytesIO()
    _framed(picture, size, crop, max_pixels).save(jpeg, "JPEG", quality=quality, subsampling=subsampling)
    return jpeg.getvalue()


def _framed(picture: Picture, size: int, crop: float, max_pixels: int) -> Image.Image:
    if isinstance(picture, str | Path):
        picture = Path(picture).read_bytes()
    with _named_errors("picture"):
        image = Image.open(BytesIO(picture)) if isinstance(picture, bytes) else picture
        _check_pixels(image, max_pixels)
        return _square(_upright(_rgb(image), image.getexif().get(_ORIENTATION)), size, crop)


def _square(image: Image.Image, size: int, crop: float) -> Image.Image:
    """The centre square of `crop` of the short side, at `size` pixels."""
    if image.size == (size, size) and crop == 1:
        return image
    side = min(image.size) * crop
    left, top = (image.width - side) / 2, (image.height - side) / 2
    return image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # Pillow would clip 16 bits to white
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")  # which copies whatever it is given


def _upright(image: Image.Image, orientation: int | None) -> Image.Image:
    turn = _UPRIGHT.get(orientation or 1)
    return image if turn is None else image.transpose(turn)


def _check_pixels(image: Image.Image, limit: int) -> None:
    width, height = image.size
    if width * height > limit:
        raise FrameTooLarge(f"{width}×{height} pixels, more than the {limit:,} allowed; send a smaller picture")


@contextmanager
def _named_errors(what: str) -> Iterator[None]:
    """FairShare whatever Pillow raises, which is nearly anything, into this module's errors."""
    try:
        yield
    except BadFrame:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise FrameTooLarge(f"{error}; send a smaller picture") from error
    except UnidentifiedImageError as error:  # its text is an object's address
        raise UnreadableFrame(f"not a {what} of a known kind") from error
    except Exception as error:
        raise UnreadableFrame(f"not a whole, readable {what}: {error}") from error
