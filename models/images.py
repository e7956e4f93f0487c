"""Pictures and frames become RGB arrays, and pictures become frames.

A frame is what a client sends: a JPEG that is already cut to a square. A picture is any still image, not cut yet.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

MAX_FRAME_PIXELS = 4_000_000
MAX_PICTURE_PIXELS = 100_000_000
# The share of the short side that ImageNet networks are tested on: 224 of 256 pixels.
CENTRE_CROP = 0.875

DECODERS = 2  # threads of `read_ahead`
AHEAD = 24  # pictures that `read_ahead` holds

_ORIENTATION = 0x0112
_UPRIGHT = {  # the operation for each EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# A progressive JPEG has about ten scans, and each scan updates the whole image. Thousands of tiny scans would take
# minutes to decode.
_MAX_SCANS = 100
_START_OF_SCAN = b"\xff\xda"

Picture = str | Path | bytes | Image.Image


class BadFrame(ValueError):
    """A picture that cannot be classified."""


class UnreadableFrame(BadFrame):
    """The bytes are not a complete image in a supported format."""


class FrameTooLarge(BadFrame):
    """The header says that the image has more pixels than allowed. Nothing was decoded."""


def read_frame(jpeg: bytes, size: int, max_pixels: int = MAX_FRAME_PIXELS) -> NDArray[np.uint8]:
    """Decodes a frame to (size, size, 3) uint8 RGB.

    Only JPEG is read. A frame that is not square is cut to its centre, and one of another size is resized (bicubic).
    Raises UnreadableFrame or FrameTooLarge.
    """
    if not jpeg:
        raise UnreadableFrame("the frame is empty; send a JPEG")
    if jpeg.count(_START_OF_SCAN) > _MAX_SCANS:
        raise UnreadableFrame(f"the JPEG has more than {_MAX_SCANS} scans; send a baseline JPEG")
    with _named_errors("JPEG"):
        # JpegImageFile instead of Image.open: it reads JPEG only, and Pillow's global pixel limit does not apply.
        image = JpegImageFile(BytesIO(jpeg))
        _check_pixels(image, max_pixels)
        # a much larger image is decoded at a fraction of its size, which costs an eighth
        image.draft(None, (2 * size, 2 * size))
        return np.asarray(_square(_rgb(image), size, crop=1.0))  # (size, size, 3) uint8


def read_picture(
    picture: Picture, size: int, crop: float = CENTRE_CROP, max_pixels: int = MAX_PICTURE_PIXELS
) -> NDArray[np.uint8]:
    """Decodes a picture to (size, size, 3) uint8 RGB.

    The picture is turned upright, cut to the centre square of `crop` of its short side and resized (bicubic).
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
    """Returns the JPEG that a client sends for a picture. `read_frame` decodes it to what `read_picture` returns.

    Raises what `read_picture` raises.
    """
    jpeg = BytesIO()
    _framed(picture, size, crop, max_pixels).save(jpeg, "JPEG", quality=quality, subsampling=subsampling)
    return jpeg.getvalue()


def read_ahead(files: Iterable[Path], size: int, crop: float = CENTRE_CROP) -> Iterator[NDArray[np.uint8] | str]:
    """Decodes many picture files in a few threads, some pictures ahead of the caller.

    Yields for each file, in order, its pixels (size, size, 3) as `read_picture` returns them, or an error message.
    """

    def read(file: Path) -> NDArray[np.uint8] | str:
        try:
            return read_picture(file, size, crop)
        except OSError as error:
            return error.strerror or str(error)
        except BadFrame as error:
            return str(error)

    waiting = iter(files)
    with ThreadPoolExecutor(DECODERS, thread_name_prefix="decode") as decoders:
        ahead = deque(decoders.submit(read, each) for each in islice(waiting, AHEAD))
        while ahead:
            yield ahead.popleft().result()
            ahead.extend(decoders.submit(read, each) for each in islice(waiting, 1))


def _framed(picture: Picture, size: int, crop: float, max_pixels: int) -> Image.Image:
    if isinstance(picture, str | Path):
        picture = Path(picture).read_bytes()
    with _named_errors("picture"):
        image = Image.open(BytesIO(picture)) if isinstance(picture, bytes) else picture
        _check_pixels(image, max_pixels)
        return _square(_upright(_rgb(image), image.getexif().get(_ORIENTATION)), size, crop)


def _square(image: Image.Image, size: int, crop: float) -> Image.Image:
    """Cuts the image to the centre square of `crop` of its short side and resizes it to `size` pixels."""
    if image.size == (size, size) and crop == 1:
        return image
    side = min(image.size) * crop
    left, top = (image.width - side) / 2, (image.height - side) / 2
    return image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # Pillow would turn values above 255 white
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")  # convert() copies even an RGB image


def _upright(image: Image.Image, orientation: int | None) -> Image.Image:
    turn = _UPRIGHT.get(orientation or 1)
    return image if turn is None else image.transpose(turn)


def _check_pixels(image: Image.Image, limit: int) -> None:
    width, height = image.size
    if width * height > limit:
        raise FrameTooLarge(f"{width}×{height} pixels, more than the {limit:,} allowed; send a smaller picture")


@contextmanager
def _named_errors(what: str) -> Iterator[None]:
    """Turns what Pillow raises, which can be almost any exception, into this module's errors."""
    try:
        yield
    except BadFrame:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise FrameTooLarge(f"{error}; send a smaller picture") from error
    except UnidentifiedImageError as error:  # Pillow's message is the repr of a BytesIO
        raise UnreadableFrame(f"not a {what} of a known kind") from error
    except Exception as error:
        raise UnreadableFrame(f"not a whole, readable {what}: {error}") from error
