"""The parts of a JPEG file (ITU-T T.81, annex B)."""

import re
from collections.abc import Iterator

from models.pictures import tiff
from models.pictures.errors import damaged, uncommon

# A progressive JPEG has about ten scans, and each scan updates the whole image. Thousands of tiny scans would take
# minutes to decode.
MAX_SCANS = 100
START_OF_IMAGE, START_OF_SCAN = b"\xff\xd8", b"\xff\xda"

_END_OF_IMAGE = b"\xff\xd9"
_SOS, _EOI, _APP0, _APP1, _APP14, _COMMENT = 0xDA, 0xD9, 0xE0, 0xE1, 0xEE, 0xFE
# APP0 (JFIF) and APP14 (Adobe) say how colours are stored; the others are metadata.
_METADATA = {_COMMENT, *range(_APP0, 0xF0)} - {_APP0, _APP14}
_JFIF_LENGTH = 16
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}  # TEM, RST0 to RST7, SOI
_CODINGS = {  # frame headers of codings that no browser reads
    0xC3: "lossless",
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical"),
    0xCB: "lossless arithmetic",
}
_PROGRESSIVE = {0xC2, 0xCA}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_MARKER = re.compile(rb"\xff([^\x00\xff])")
_MARKER_AMONG_PIXELS = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_ZEROS = bytes(64)


def without_metadata(jpeg: bytes) -> tuple[bytes, int]:
    """The same JPEG without metadata, thumbnails and further pictures, and the orientation that these gave.

    Raises UnreadableFrame if it is of a form that is not read, or filled up with zero bytes by a copy that broke off.
    """
    if jpeg.endswith(_ZEROS) and _END_OF_IMAGE not in jpeg:
        raise damaged("JPEG")
    view = memoryview(jpeg)
    kept, exif, place = [], b"", 0
    for marker, start, end in _segments(jpeg):
        if marker == _SOS:
            break
        if marker in _FRAMES:
            _check_form(marker, bits=jpeg[start + 4])
        if marker == _APP1 and not exif and jpeg[start + 4 : start + 10] == b"Exif\0\0":
            exif = jpeg[start + 10 : end]
        if marker in _METADATA or (marker == _APP0 and end - start < 2 + _JFIF_LENGTH):
            kept.append(view[place:start])
            place = end
    return b"".join((*kept, view[place:])) if kept else jpeg, tiff.orientation(exif) if exif else 1


def scans(jpeg: bytes) -> int:
    """The number of scans of the first image in the file. What follows that image is not counted."""
    components, place = 0, 2
    for marker, start, end in _segments(jpeg):
        if marker in _FRAMES - _PROGRESSIVE:
            components = jpeg[start + 9]
        elif marker == _SOS:
            if jpeg[start + 4] == components:  # it has them all, so it is the only one
                return 1
            place = start
            break
        place = end
    count = 0
    while match := _MARKER_AMONG_PIXELS.search(jpeg, place):
        marker = jpeg[match.start() + 1]
        if marker == _EOI:
            break
        count += marker == _SOS
        length = int.from_bytes(jpeg[match.end() : match.end() + 2], "big")
        place = match.end() + (0 if marker in _WITHOUT_LENGTH else max(length, 2))
    return count


def _segments(jpeg: bytes) -> Iterator[tuple[int, int, int]]:
    """The marker, start and end of each segment up to the first scan.

    Bytes between segments are skipped, as decoders do.
    """
    place = 2
    while match := _MARKER.search(jpeg, place):
        marker, start, end = match[1][0], match.start(), match.end()
        if marker not in _WITHOUT_LENGTH:
            end += max(2, int.from_bytes(jpeg[end : end + 2], "big"))
        yield marker, start, end
        place = end


def _check_form(marker: int, bits: int) -> None:
    if coding := _CODINGS.get(marker):
        raise uncommon("JPEG", f"{coding} coding")
    if bits in (10, 12, 14, 16):
        raise uncommon("JPEG", f"{bits} bits a channel")
