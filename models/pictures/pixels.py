"""From the bytes of a picture file to upright RGB pixels, in bounded memory.

`kinds.json` says what is read. Of an animated picture it is the first frame, of a TIFF the first page.
"""

import logging
import os
import threading
import warnings
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path
from typing import cast

from PIL import Image, UnidentifiedImageError
from PIL.GifImagePlugin import GifImageFile
from PIL.TiffImagePlugin import TiffImageFile

from models.pictures import greys, icons, libtiff, limits, tiff
from models.pictures.errors import FrameTooLarge, UnreadableFrame, named_errors, uncommon
from models.pictures.kinds import HEAD, kind_of, refusal
from models.pictures.metadata import without_metadata

LARGE_PIXELS = 16_000_000  # a larger picture is made smaller before anything else is done with it
LARGE_FILE_BYTES = 1 << 20  # of a larger file, the first bytes are looked at before it is read
LARGE_BYTES = 256 << 20  # of pictures that take more memory, one is decoded at a time

_UPRIGHT = {  # the operation for each EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ALPHA = ("A", "a")
_PNG_BITS = 24  # the place of the byte that has the bits a channel
_TIFF_BITS = 258
_LOWER_BITS_ONLY = 16  # the upper 8 of 16 bits are lower than this
_one_large_picture = threading.Lock()

# Pillow refuses by the number of pixels alone. Here each picture is checked before it is decoded, by its memory.
Image.MAX_IMAGE_PIXELS = None
# What is wrong with a picture is said once, by an error.
logging.getLogger("PIL").setLevel(logging.CRITICAL)
warnings.filterwarnings("ignore", module=r"PIL\.")
libtiff.silence()


def read_file(path: Path) -> bytes:
    """The bytes of a file that may be a picture.

    Raises OSError where it cannot be read, and UnreadableFrame or FrameTooLarge for a large file of which the first
    bytes or the size say that it is not read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > LARGE_FILE_BYTES:
            _kind(file.read(HEAD))
            file.seek(0)
        if size > limits.MAX_FILE_BYTES:
            raise FrameTooLarge(f"more than {limits.MAX_FILE_BYTES >> 20} MB: save a smaller picture")
        return file.read() if size else file.read(limits.MAX_FILE_BYTES)  # a pipe has no size, a device no end


def decode(data: bytes, size: int) -> Image.Image:
    """An upright RGB image of the picture.

    Of one of more than `LARGE_PIXELS` it is the centre square, made smaller: 4 times `size` or more are kept.

    Raises UnreadableFrame or FrameTooLarge.
    """
    kind = _kind(data[:HEAD])
    with named_errors(kind):
        if kind == "ICO":
            data, kind = icons.largest(data)
        data, orientation = without_metadata(data, kind)
        with _opened(data, kind) as image:
            if kind == "AVIF":  # Pillow tells the format's own fields in EXIF's form
                orientation = tiff.orientation(image.info.get("exif", b""))
            limits.check_pixels(image)
            large = image.width * image.height > LARGE_PIXELS
            full_size, needed = image.size, limits.working_bytes(image, data)
            if large:
                image.draft(None, (4 * size, 4 * size))
            needed += limits.image_bytes(image)
            limits.check_bytes(needed, full_size)
            with _one_large_picture if needed > LARGE_BYTES else nullcontext():
                image.load()
                if _channel_bits(image, data) == 16:
                    _check_range(image)
                whole = _on_screen(image) if isinstance(image, GifImageFile) else image
                return upright(_shrunk(whole, 4 * size) if large else to_rgb(whole), orientation)


def to_rgb(image: Image.Image) -> Image.Image:
    """The image with 8 bits a channel. What is transparent stands on white.

    Raises UnreadableFrame if it is grey and nothing in it is a number.
    """
    if greys.needs_scaling(image):
        return greys.scaled(image).convert("RGB")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, _rgba(image)).convert("RGB")
    if image.mode == "LAB":
        return _lab_to_rgb(image)
    return image if image.mode == "RGB" else image.convert("RGB")  # convert() copies even an RGB image


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image turned as the EXIF orientation says (EXIF 2.32, section 4.6.4, tag 274)."""
    turn = _UPRIGHT.get(orientation)
    return image if turn is None else image.transpose(turn)


def _kind(head: bytes) -> str:
    """The name of the kind of a file that begins with `head`. Raises UnreadableFrame if it is not read."""
    kind = kind_of(head)
    if kind is None or kind.refused:
        raise UnreadableFrame(refusal(head))
    return kind.name


def _opened(data: bytes, kind: str) -> Image.Image:
    try:
        return Image.open(BytesIO(data), formats=[kind.upper()])
    except UnidentifiedImageError:
        if kind == "TIFF" and (form := tiff.form(data)):
            raise uncommon(kind, form) from None
        raise


def _on_screen(gif: GifImageFile) -> Image.Image:
    """The first frame on its screen. Pillow fills what is beside the frame with the first colour of the palette."""
    frame = gif.dispose_extent
    if frame is None or tuple(frame) == (0, 0, *gif.size):
        return gif
    screen = Image.new("RGBA", gif.size)  # transparent
    screen.paste(gif.crop(frame).convert("RGBA"), frame)
    return screen


def _channel_bits(image: Image.Image, data: bytes) -> int:
    """The bits of each channel in the file, where the decoder may have kept only the upper 8 of them."""
    if image.format == "PNG":
        return data[_PNG_BITS]
    return int(image.tag_v2.get(_TIFF_BITS, (8,))[0]) if isinstance(image, TiffImageFile) else 8


def _check_range(image: Image.Image) -> None:
    """Raises UnreadableFrame where 16 bits a channel hold numbers of 12 bits or fewer, which would be black."""
    bands = image.getbands()
    if len(bands) == 1:
        return
    extrema = cast("tuple[tuple[int, int], ...]", image.getextrema())
    highest = max(high for (_, high), band in zip(extrema, bands, strict=True) if band not in _ALPHA)
    if 0 < highest < _LOWER_BITS_ONLY:
        raise uncommon(str(image.format), "channels of 16 bits, 4 or more of them unused,")


def _rgba(image: Image.Image) -> Image.Image:
    premultiplied = {"La": "LA", "RGBa": "RGBA"}.get(image.mode)
    return (image.convert(premultiplied) if premultiplied else image).convert("RGBA")


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert converted is not None
    return converted


def _shrunk(image: Image.Image, least: int) -> Image.Image:
    """The centre square of the image as RGB, made smaller by a whole number: `least` pixels a side or more are kept.

    It is done in bands, so that of a large picture no second whole copy is needed.
    """
    if greys.needs_scaling(image):
        image = greys.scaled(image)  # by the range of all pixels
    short = min(image.size)
    left, top = (image.width - short) // 2, (image.height - short) // 2
    right, bottom = image.width - left, image.height - top
    factor = max(1, short // least)
    small = Image.new("RGB", (-(-(right - left) // factor), -(-(bottom - top) // factor)))
    rows = max(1, 256 // factor)  # of the small image
    for place in range(0, small.height, rows):
        start = top + place * factor
        band = image.crop((left, start, right, min(bottom, start + rows * factor)))
        small.paste(to_rgb(band).reduce(factor), (0, place))
    return small
