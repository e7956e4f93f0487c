"""Pictures that the tests make."""

from io import BytesIO
from typing import Any

import numpy as np
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
