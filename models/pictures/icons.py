"""The largest picture of an ICO file."""

from models.pictures.errors import too_large

_DIRECTORY, _ENTRY = 6, 16  # bytes
_PNG = b"\x89PNG\r\n\x1a\n"
_MAX_SIDE = 1024  # a directory entry says 256 at most


def largest(ico: bytes) -> tuple[bytes, str]:
    """The file of the largest picture, of those with the most colours, and its kind: PNG, or an ICO with it alone.

    Raises FrameTooLarge if the picture says that it is larger than an icon.
    """
    count = int.from_bytes(ico[4:6], "little")
    places = range(_DIRECTORY, min(_DIRECTORY + count * _ENTRY, len(ico) - _ENTRY + 1), _ENTRY)
    entry = max((ico[place : place + _ENTRY] for place in places), key=_rank, default=bytes(_ENTRY))
    length, start = int.from_bytes(entry[8:12], "little"), int.from_bytes(entry[12:16], "little")
    picture = ico[start : start + length]
    if picture.startswith(_PNG):
        return picture, "PNG"
    width, height = int.from_bytes(picture[4:8], "little"), int.from_bytes(picture[8:12], "little") // 2
    if max(width, height) > _MAX_SIDE:
        raise too_large(width, height)
    place = (_DIRECTORY + _ENTRY).to_bytes(4, "little")
    return ico[:4] + b"\x01\x00" + entry[:12] + place + picture, "ICO"


def _rank(entry: bytes) -> tuple[int, int]:
    width, height = entry[0] or 256, entry[1] or 256  # 0 stands for 256
    return width * height, int.from_bytes(entry[6:8], "little")
