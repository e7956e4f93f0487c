"""The first directory of a TIFF file, which is also the form of an EXIF block (TIFF 6.0, section 2)."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_REDUCED, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_STRIPS, _ORIENTATION, _CHANNELS, _ROWS, _TILES, _SUBFOLDERS, _SAMPLE_FORMAT, _DNG = (
    273,
    274,
    277,
    278,
    324,
    330,
    339,
    50706,
)
# What says how pixels are stored. All other tags (EXIF, GPS, ICC, XMP, texts) are left out before decoding.
_PIXEL_TAGS = {254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325}
_PIXEL_TAGS |= {332, 334, 338, 339, 347, *range(512, 522), 529, 530, 531, 532}
_RAW_COMPRESSIONS = {32767, 32769, 34713, 65535}  # Sony, Epson, Nikon, Pentax
_RAW_PHOTOMETRICS = {32803, 34892}  # colour filter array, linear raw
_WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}  # the struct codes of the field types
_FRACTIONS = 3  # of _SAMPLE_FORMAT


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of a directory, as its bytes. `value` is its first value, or None if that is not a whole number.

    `end` is where its `count` values end in the file, if they are whole numbers.
    """

    tag: int
    count: int
    value: int | None
    raw: bytes
    end: int = 0


@dataclass(frozen=True, slots=True)
class Directory:
    """The first directory of a TIFF: its place in the file, and of its `count` entries those that are there."""

    place: int
    count: int
    order: str  # "<" or ">"
    big: bool  # BigTIFF: 64-bit offsets
    entries: list[Entry]

    def value(self, tag: int) -> int | None:
        """The first value of the field with this tag, if there is one and it is a whole number."""
        return next((each.value for each in self.entries if each.tag == tag), None)


def directory(tiff: bytes) -> Directory | None:
    """The first directory, as far as it is there, or None where there is none."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return None
    try:
        (version,) = struct.unpack_from(order + "H", tiff, 2)
        big = version == 43
        (place,) = struct.unpack_from(order + "Q", tiff, 8) if big else struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + ("Q" if big else "H"), tiff, place)
    except (struct.error, OverflowError):
        return None
    return Directory(place, count, order, big, list(_entries(tiff, place, order, big, min(count, 65536))))


def orientation(exif: bytes) -> int:
    """The orientation (1 to 8) in an EXIF block. 1, upright, where the block is broken or says nothing."""
    found = directory(re.sub(rb"^(Exif\x00\x00)+", b"", exif))
    value = found.value(_ORIENTATION) if found else None
    return value if value is not None and 1 <= value <= 8 else 1


def without_metadata(tiff: bytes) -> bytes:
    """The same TIFF with only its first page, and of its fields only those that decoding needs."""
    found = directory(tiff)
    if found is None:
        return tiff
    kept = [each.raw for each in found.entries if each.tag in _PIXEL_TAGS]
    counted = struct.pack(found.order + ("Q" if found.big else "H"), len(kept))
    written = counted + b"".join(kept) + bytes(8 if found.big else 4)  # zero: no next page
    view = memoryview(tiff)
    return b"".join((view[: found.place], written, view[found.place + len(written) :]))


def is_camera_raw(tiff: bytes) -> bool:
    """Whether a TIFF is a camera's raw file (NEF, DNG, ARW, PEF): its first page is only a thumbnail."""
    found = directory(tiff)
    if found is None:
        return False
    return (
        any(each.tag == _DNG for each in found.entries)
        or found.value(_COMPRESSION) in _RAW_COMPRESSIONS
        or found.value(_PHOTOMETRIC) in _RAW_PHOTOMETRICS
        or (found.value(_REDUCED) == 1 and any(each.tag == _SUBFOLDERS for each in found.entries))
    )


def is_cut_off(tiff: bytes) -> bool:
    """Whether the directory is not whole or names too few strips: decoders would leave the rest black."""
    found = directory(tiff)
    if found is None or len(found.entries) < found.count:
        return True
    height = found.value(_HEIGHT) or 0
    rows = found.value(_ROWS) or height
    return any(each.tag == _STRIPS and each.count * rows < height for each in found.entries)


def form(tiff: bytes) -> str:
    """How the pixels are stored, in words. Nothing if the directory is not whole or does not say where they are."""
    found = directory(tiff)
    if found is None or len(found.entries) < found.count or any(each.end > len(tiff) for each in found.entries):
        return ""
    start = found.value(_STRIPS) or found.value(_TILES) or len(tiff)
    if not (found.value(_WIDTH) and found.value(_HEIGHT)) or start >= len(tiff):
        return ""
    channels, bits, compression = (found.value(tag) or 1 for tag in (_CHANNELS, _BITS, _COMPRESSION))
    values = "fractions" if found.value(_SAMPLE_FORMAT) == _FRACTIONS else "numbers"
    named = f"{channels} channel{'s' * (channels > 1)} of {bits}-bit {values}"
    return named if compression == 1 else f"{named} and compression {compression}"


def _entries(tiff: bytes, place: int, order: str, big: bool, count: int) -> Iterator[Entry]:
    head, size, inline = (8, 20, 8) if big else (2, 12, 4)
    for number in range(count):
        start = place + head + number * size
        raw = tiff[start : start + size]
        if len(raw) < size:
            return
        tag, kind = struct.unpack_from(order + "HH", raw)
        (many,) = struct.unpack_from(order + ("Q" if big else "I"), raw, 4)
        value, end = None, 0
        if many and (code := _WHOLE_NUMBERS.get(kind)):
            length = struct.calcsize(code)
            values = raw[size - inline :]
            if many * length > inline:  # they stand elsewhere
                (at,) = struct.unpack(order + ("Q" if big else "I"), values)
                values, end = tiff[at : at + length], at + many * length
            if len(values) >= length:
                (value,) = struct.unpack_from(order + code, values)
        yield Entry(tag, many, value, raw, end)
