"""Pictures and frames become RGB arrays, and pictures become frames.

A frame is what a client sends: a JPEG that is already cut to a square, as the view of its session's model says. A
picture is any still image, not cut yet; `models.pictures.pixels` reads its file.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from models.networks import View
from models.pictures.errors import BadFrame, FrameTooLarge, UnreadableFrame, in_words, named_errors
from models.pictures.jpeg import MAX_SCANS, START_OF_IMAGE, START_OF_SCAN
from models.pictures.pixels import decode, read_file, to_rgb, upright
from models.pictures.tiff import orientation

__all__ = [
    "AHEAD",
    "READING",
    "BadFrame",
    "FrameTooLarge",
    "Picture",
    "UnreadableFrame",
    "in_words",
    "read_ahead",
    "read_frame",
    "read_picture",
    "to_frame",
]

MAX_FRAME_PIXELS = 4_000_000
READING = 2  # a new number whenever the same file gives other pixels: features that are kept are then computed again

DECODERS = 2  # threads of `read_ahead`
AHEAD = 24  # pictures that `read_ahead` holds

Picture = str | Path | bytes | Image.Image


def read_frame(jpeg: bytes, size: int, max_pixels: int = MAX_FRAME_PIXELS) -> NDArray[np.uint8]:
    """Decodes a frame to (size, size, 3) uint8 RGB.

    Only JPEG is read. A frame that is not square is cut to its centre, and one of another size is resized (bicubic).
    Nothing else is cut: the sender has done it. So the few frames that were on their way when a session got another
    model are seen as they were cut for the model before. Raises UnreadableFrame or FrameTooLarge.
    """
    if not jpeg:
        raise UnreadableFrame("the frame is empty; send a JPEG")
    if not jpeg.startswith(START_OF_IMAGE):
        raise UnreadableFrame("the frame is not a JPEG; send a JPEG")
    if jpeg.count(START_OF_SCAN) > MAX_SCANS:
        raise UnreadableFrame(f"the JPEG has more than {MAX_SCANS} scans; send a baseline JPEG")
    with named_errors("JPEG"):
        # JpegImageFile instead of Image.open: it reads JPEG only, and Pillow's global pixel limit does not apply.
        image = JpegImageFile(BytesIO(jpeg))
        _check_pixels(image, max_pixels)
        # a much larger image is decoded at a fraction of its size, which costs an eighth
        image.draft(None, (2 * size, 2 * size))
        return np.asarray(_square(to_rgb(image), size, crop=1.0))  # (size, size, 3) uint8


def read_picture(picture: Picture, size: int, crop: float = 1.0) -> NDArray[np.uint8]:
    """Decodes a picture to (size, size, 3) uint8 RGB.

    The picture is turned upright, cut to the centre square of `crop` of its short side and resized (bicubic). For a
    network both numbers come from its view. Raises UnreadableFrame or FrameTooLarge, and OSError when a file cannot
    be opened.
    """
    return np.asarray(_framed(picture, size, crop))  # (size, size, 3) uint8


def to_frame(picture: Picture, view: View, quality: int = 95, subsampling: str = "4:4:4") -> bytes:
    """Returns the JPEG that a client sends for a picture. `read_frame` decodes it to what `read_picture` returns.

    Raises what `read_picture` raises.
    """
    jpeg = BytesIO()
    _framed(picture, view.size, view.crop).save(jpeg, "JPEG", quality=quality, subsampling=subsampling)
    return jpeg.getvalue()


def read_ahead(files: Iterable[Path], view: View) -> Iterator[NDArray[np.uint8] | str]:
    """Decodes many picture files in a few threads, some pictures ahead of the caller.

    Yields for each file, in order, its pixels (size, size, 3) as `read_picture` returns them, or an error message.
    """

    def read(file: Path) -> NDArray[np.uint8] | str:
        try:
            return read_picture(file, view.size, view.crop)
        except (BadFrame, OSError) as error:
            return in_words(error)

    waiting = iter(files)
    with ThreadPoolExecutor(DECODERS, thread_name_prefix="decode") as decoders:
        ahead = deque(decoders.submit(read, each) for each in islice(waiting, AHEAD))
        while ahead:
            yield ahead.popleft().result()
            ahead.extend(decoders.submit(read, each) for each in islice(waiting, 1))


def _framed(picture: Picture, size: int, crop: float) -> Image.Image:
    if isinstance(picture, str | Path):
        image = decode(read_file(Path(picture)), size)
    elif isinstance(picture, bytes):
        image = decode(picture, size)
    else:
        with named_errors(picture.format or "picture"):
            image = upright(to_rgb(picture), orientation(picture.info.get("exif", b"")))
    return _square(image, size, crop)


def _square(image: Image.Image, size: int, crop: float) -> Image.Image:
    """Cuts the image to the centre square of `crop` of its short side and resizes it to `size` pixels."""
    if image.size == (size, size) and crop == 1:
        return image
    side = min(image.size) * crop
    left, top = (image.width - side) / 2, (image.height - side) / 2
    return image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))


def _check_pixels(image: Image.Image, limit: int) -> None:
    width, height = image.size
    if width * height > limit:
        raise FrameTooLarge(f"{width}×{height} pixels, more than the {limit:,} allowed; send a smaller picture")
