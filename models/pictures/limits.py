"""The memory and the time that decoding a picture takes, and how much is allowed."""

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from models.pictures import jpeg
from models.pictures.errors import too_large, uncommon

MAX_FILE_BYTES = 1 << 29
MAX_BYTES = 2 << 30  # of memory for one picture
MAX_PIXELS = 300_000_000
MAX_SCANNED_PIXELS = 4_000_000_000  # pixels times scans of a JPEG

_SHORTEST_SCAN = 10  # bytes, with its header
_MODE_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 3, "I;16B": 3, "I": 5, "F": 5}  # a pixel; greys with their 8 bits
# a pixel, where decoders keep more than the image: canvases, planes, copies
_FORMAT_BYTES = {"GIF": 9, "WEBP": 16, "AVIF": 16}
_RUN_LENGTHS_BYTES = 32  # a pixel of a BMP with run lengths: Pillow decodes them slowly
_TILE_WIDTH, _TILE_HEIGHT, _TILE_PIXEL_BYTES = 322, 323, 8  # TIFF


def check_pixels(image: Image.Image) -> None:
    """Raises FrameTooLarge if the image has more than `MAX_PIXELS`."""
    if image.width * image.height > MAX_PIXELS:
        raise too_large(*image.size)


def check_bytes(needed: int, size: tuple[int, int]) -> None:
    """Raises FrameTooLarge if a picture of `size` (width, height) needs more than `MAX_BYTES`."""
    if needed > MAX_BYTES:
        raise too_large(*size)


def image_bytes(image: Image.Image) -> int:
    """The memory that the image takes when it comes out at its size as it is now."""
    each = _FORMAT_BYTES.get(image.format or "") or _MODE_BYTES.get(image.mode, 4)
    if image.format == "BMP" and any(tile.codec_name == "bmp_rle" for tile in image.tile):  # type: ignore[attr-defined]
        each = _RUN_LENGTHS_BYTES
    return image.width * image.height * each


def working_bytes(image: Image.Image, data: bytes) -> int:
    """The memory that decoding takes besides the image itself, of the file `data` and of what decoders keep.

    Raises UnreadableFrame for a JPEG of too many scans.
    """
    if isinstance(image, JpegImageFile):
        return len(data) + _coefficients(image, data)
    if isinstance(image, TiffImageFile):
        width, height = image.tag_v2.get(_TILE_WIDTH, 0), image.tag_v2.get(_TILE_HEIGHT, 0)
        return len(data) + int(width * height) * _TILE_PIXEL_BYTES
    return len(data)


def _coefficients(image: JpegImageFile, data: bytes) -> int:
    """What a JPEG of several scans keeps while it is decoded: two bytes for each sample, whatever size comes out."""
    pixels = image.width * image.height
    if pixels * len(data) > MAX_SCANNED_PIXELS * _SHORTEST_SCAN:
        scans = jpeg.scans(data)
        if scans > jpeg.MAX_SCANS or scans * pixels > MAX_SCANNED_PIXELS:
            raise uncommon("JPEG", f"{scans} scans of {pixels:,} pixels")
        if scans == 1 and "progressive" not in image.info:
            return 0
    sampling = [(across, down) for _, across, down, _ in image.layer]
    most = max(across for across, _ in sampling) * max(down for _, down in sampling)
    return 2 * pixels * sum(across * down for across, down in sampling) // max(most, 1)
