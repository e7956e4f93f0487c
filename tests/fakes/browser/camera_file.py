"""Known pictures, and files that Chromium plays as its fake camera."""

import io
from pathlib import Path

from PIL import Image, ImageDraw

LEFT, RIGHT, OUTSIDE = (200, 40, 40), (40, 60, 200), (230, 0, 230)


def colour_card(width: int = 640, height: int = 480) -> Image.Image:
    """The centred square is red on the left and blue on the right; the parts outside it are magenta."""
    side = min(width, height)
    x, y = (width - side) // 2, (height - side) // 2
    card = Image.new("RGB", (width, height), OUTSIDE)
    draw = ImageDraw.Draw(card)
    draw.rectangle((x, y, x + side // 2 - 1, y + side - 1), fill=LEFT)
    draw.rectangle((x + side // 2, y, x + side - 1, y + side - 1), fill=RIGHT)
    return card


def jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def write_camera_file(path: Path, picture: Image.Image, frames: int = 30) -> Path:
    """A still camera as an .mjpeg file: the same JPEG ``frames`` times."""
    path.write_bytes(jpeg(picture) * frames)
    return path


def pixel(picture: Image.Image, x: int, y: int) -> tuple[int, ...]:
    colour = picture.getpixel((x, y))
    assert isinstance(colour, tuple)
    return colour


def is_near(colour: tuple[int, ...], wanted: tuple[int, int, int], by: int = 40) -> bool:
    return all(abs(a - b) <= by for a, b in zip(colour, wanted, strict=True))
