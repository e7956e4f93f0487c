"""Pictures that the tests make."""

import struct
import zlib
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def scene(width: int = 320, height: int = 240) -> Image.Image:
    """A smooth picture, different in each corner and each channel."""
    across, down = np.linspace(0, 1, width), np.linspace(0, 1, height)[:, None]
    red, green, blue = 40 + 180 * across + 0 * down, 200 * down + 0 * across, 220 * (1 - across) * down
    return Image.fromarray(np.stack([red, green, blue], axis=-1).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """The bytes of the picture as a file; `options` are those of Pillow's `save`."""
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def announcing(jpeg: bytes, width: int, height: int) -> bytes:
    """The same JPEG with another size in its header."""
    start_of_frame = jpeg.index(b"\xff\xc0")
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return jpeg[: start_of_frame + 5] + size + jpeg[start_of_frame + 9 :]


def png_chunk(name: bytes, content: bytes) -> bytes:
    """A chunk of a PNG, with its checksum."""
    return struct.pack(">I4s", len(content), name) + content + struct.pack(">I", zlib.crc32(name + content))


def with_png_chunk(png: bytes, chunk: bytes) -> bytes:
    """The PNG with this chunk before its pixels."""
    return png[:33] + chunk + png[33:]  # signature and IHDR


def with_jpeg_segment(jpeg: bytes, marker: int, content: bytes) -> bytes:
    """The JPEG with this segment as its first."""
    return jpeg[:2] + struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content + jpeg[2:]


def with_webp_chunk(webp: bytes, name: bytes, content: bytes) -> bytes:
    """The WebP, which must be of the extended kind, with this chunk at its end."""
    chunk = name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    return webp[:4] + struct.pack("<I", len(webp) - 8 + len(chunk)) + webp[8:] + chunk


def tiff(
    pixels: NDArray[np.generic],
    fields: Mapping[int, int | tuple[int, ...]] | None = None,
    order: Literal["<", ">"] = "<",
) -> bytes:
    """An uncompressed TIFF of these pixels, (height, width) or (height, width, channels), with further fields."""
    height, width, channels = (*pixels.shape, 1)[:3]
    bits = 8 * pixels.itemsize
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    values: dict[int, int | tuple[int, ...]] = {
        256: width,
        257: height,
        258: (bits,) * channels,
        259: 1,
        262: 2 if channels == 3 else 1,
        273: 8,
        277: channels,
        278: height,
        279: len(data),
        339: ({"u": 1, "i": 2, "f": 3}[pixels.dtype.kind],) * channels,
        **(fields or {}),
    }
    long = {273, 279}
    directory = 8 + len(data)
    after = directory + 2 + 12 * len(values) + 4
    entries, elsewhere = b"", b""
    for tag, value in sorted(values.items()):
        numbers = value if isinstance(value, tuple) else (value,)
        code, kind = ("I", 4) if tag in long else ("H", 3)
        stored = struct.pack(f"{order}{len(numbers)}{code}", *numbers)
        if len(stored) > 4:
            place = struct.pack(f"{order}I", after + len(elsewhere))
            elsewhere += stored
        else:
            place = stored.ljust(4, b"\0")
        entries += struct.pack(f"{order}HHI", tag, kind, len(numbers)) + place
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HI", 42, directory)
    return head + data + struct.pack(f"{order}H", len(values)) + entries + bytes(4) + elsewhere
