"""Picture files without their metadata.

Decoders stop at a broken EXIF block, a large text or a damaged colour profile, although the pixels are sound. So each
file is decoded without them. Only the orientation of the EXIF block is used, as browsers do.
"""

import re
import struct
from collections.abc import Callable

from models.pictures import jpeg, tiff
from models.pictures.errors import UnreadableFrame, damaged, uncommon
from models.pictures.kinds import KINDS

_PNG_SIGNATURE = 8  # bytes
_PNG_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_GIF_HEADER, _GIF_FLAGS = 13, 10  # its bytes, and the place of one of them
_GIF_EXTENSION = b"\x21"
_GIF_DISPOSAL = 0x1C  # what happens to the frame before the next one
_WEBP_KEPT = {b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"}
_WEBP_METADATA_FLAGS = 0x20 | 0x08 | 0x04  # ICC, EXIF, XMP
# an entry of the item table (ISO/IEC 14496-12, section 8.11.6) for an EXIF block
_AVIF_EXIF_ITEM = re.compile(rb"(infe[\x02\x03].{3}(?:.{4}|.{6}))Exif", re.DOTALL)
_AVIF_TABLES = 65536  # bytes in which the item table is looked for
_BMP_COMPRESSIONS = {0, 1, 2, 3, 6}  # none, run lengths, bit fields
_BMP_SHORT_HEADERS = {12, 16}  # their sizes: they do not name the compression


def without_metadata(data: bytes, kind: str) -> tuple[bytes, int]:
    """The same picture without metadata, and the orientation (1 to 8) that these gave.

    `kind` is a name of `models.pictures.kinds`. Raises UnreadableFrame for a form of the format that is not read.
    """
    return _READERS.get(kind, _unchanged)(data)


def _unchanged(data: bytes) -> tuple[bytes, int]:
    return data, 1


def _png(data: bytes) -> tuple[bytes, int]:
    if data.startswith(b"CgBI", _PNG_SIGNATURE + 4):
        raise uncommon("PNG", "the coding of iPhone programs (CgBI)")
    view = memoryview(data)
    kept, place, exif = [view[:_PNG_SIGNATURE]], _PNG_SIGNATURE, b""
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if name == b"eXIf":
            exif = exif or data[place + 8 : end - 4]
        if name in _PNG_KEPT:
            kept.append(view[place:end])
        place = end
        if name == b"IEND":
            break
    return b"".join(kept), tiff.orientation(exif)


def _gif(data: bytes) -> tuple[bytes, int]:
    """Without extensions up to the first frame, of which only the transparent colour is kept."""
    view = memoryview(data)
    place = _GIF_HEADER + _gif_colours(data[_GIF_FLAGS])
    kept: list[bytes | memoryview] = [view[:place]]
    while data[place : place + 1] == _GIF_EXTENSION:
        control = data[place : place + 8]
        if control[1:3] == b"\xf9\x04":
            kept.append(control[:3] + bytes([control[3] & ~_GIF_DISPOSAL]) + control[4:])
        place += 2
        while place < len(data) and data[place]:
            place += 1 + data[place]
        place += 1
    kept.append(view[place:])
    return b"".join(kept), 1


def _gif_colours(flags: int) -> int:
    """The bytes of a table of colours."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _webp(data: bytes) -> tuple[bytes, int]:
    view = memoryview(data)
    kept: list[bytes | memoryview] = []
    place, exif = 12, b""
    while place + 8 < len(data):
        name, length = struct.unpack_from("<4sI", data, place)
        end = place + 8 + length + length % 2
        if place + 8 + length > len(data):
            raise damaged("WebP")
        if name == b"EXIF":
            exif = exif or data[place + 8 : end]
        elif name == b"VP8X":
            kept += [view[place : place + 8], bytes([data[place + 8] & ~_WEBP_METADATA_FLAGS]), view[place + 9 : end]]
        elif name in _WEBP_KEPT:
            kept.append(view[place:end])
        place = end
    body = sum(map(len, kept))
    return b"".join([b"RIFF", struct.pack("<I", 4 + body), b"WEBP", *kept]), tiff.orientation(exif)


def _bmp(data: bytes) -> tuple[bytes, int]:
    compression = int.from_bytes(data[30:34], "little")
    if data[14] not in _BMP_SHORT_HEADERS and compression not in _BMP_COMPRESSIONS:
        raise uncommon("BMP", f"compression {compression}")
    return data, 1


def _tiff(data: bytes) -> tuple[bytes, int]:
    if tiff.is_camera_raw(data):
        raise UnreadableFrame(next(kind.refused for kind in KINDS if kind.name == "raw"))
    if tiff.is_cut_off(data):
        raise damaged("TIFF")
    return tiff.without_metadata(data), tiff.orientation(data)


def _avif(data: bytes) -> tuple[bytes, int]:
    """The EXIF block gets a name that decoders skip. AVIF has its own fields for the orientation."""
    head = _AVIF_EXIF_ITEM.sub(rb"\1skip", data[:_AVIF_TABLES])
    brand = head[8:12] if head[8:12] == b"avis" else b"avif"  # also where only a compatible brand says it
    return b"".join([head[:8], brand, head[12:], memoryview(data)[_AVIF_TABLES:]]), 1


_READERS: dict[str, Callable[[bytes], tuple[bytes, int]]] = {
    "JPEG": jpeg.without_metadata,
    "PNG": _png,
    "GIF": _gif,
    "WebP": _webp,
    "BMP": _bmp,
    "TIFF": _tiff,
    "AVIF": _avif,
}
