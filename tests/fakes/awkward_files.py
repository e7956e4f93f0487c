"""More than sixty files as people bring them: awkward pictures and videos, sound ones and ones that nobody can read.

All that can be read show the project's sample picture of a cup of coffee, which has the same label whether or not its
edge is cut off, upright or turned.
"""

import zlib
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from tests import SAMPLES
from tests.fakes.pictures import encoded, png_chunk, tiff, with_jpeg_segment, with_png_chunk, with_webp_chunk
from tests.fakes.videos import write_sound, write_video

LABEL = "espresso"
_ORIENTATION = 0x0112
_BROKEN_EXIF = b"II*\0\x08\0\0\0\x02\0\x12\x01\x03\0"
_COFFEE = Image.open(SAMPLES / "coffee.jpg").convert("RGB")
_GREY = _COFFEE.convert("L")
_WIDE = ImageOps.pad(_COFFEE, (400, 300), color="white")  # not square, so that a lost orientation is seen


def readable_pictures() -> dict[str, bytes]:
    """Pictures that are read."""
    return {**_formats(), **_turned(), **_with_odd_metadata(), **_with_deep_greys(), **_animated(), **_misnamed()}


def _formats() -> dict[str, bytes]:
    clear = _COFFEE.convert("RGBA")
    clear.putalpha(Image.radial_gradient("L").resize(clear.size).point(lambda value: 255 if value < 200 else 0))
    palette = _COFFEE.quantize(200)
    return {
        "progressive.jpg": encoded(_COFFEE, progressive=True),
        "cmyk.jpg": encoded(_COFFEE.convert("CMYK")),
        "grey.jpeg": encoded(_GREY),
        "two_pictures.jpg": encoded(_COFFEE) + encoded(Image.new("RGB", (300, 300), "green")),
        "clear_edge.png": encoded(clear, "PNG"),
        "palette_with_a_clear_colour.png": encoded(palette, "PNG", transparency=palette.getpixel((0, 0))),
        "lossless.webp": encoded(clear, "WEBP", lossless=True),
        "still.gif": encoded(_COFFEE, "GIF"),
        "still.avif": encoded(_COFFEE, "AVIF", quality=90),
        "bitmap.bmp": encoded(palette, "BMP"),
        "icon.ico": encoded(_COFFEE, "ICO", sizes=[(32, 32), (256, 256)]),
        "lzw.tif": encoded(_COFFEE, "TIFF", compression="tiff_lzw"),
        "deflated_alpha.tiff": encoded(clear, "TIFF", compression="tiff_adobe_deflate"),
        "packed_bits.tif": encoded(palette, "TIFF", compression="packbits"),
    }


def _turned() -> dict[str, bytes]:
    """Pictures that are upright only if the orientation in their metadata is applied once."""
    return {
        "turned_6.jpg": in_orientation(_WIDE, 6, "JPEG", quality=95),
        "turned_5.png": in_orientation(_WIDE, 5, "PNG"),
        "turned_7.webp": in_orientation(_WIDE, 7, "WEBP", quality=95),
        "turned_8.avif": in_orientation(_WIDE, 8, "AVIF", quality=95),
        "turned_4.tif": in_orientation(_WIDE, 4, "TIFF"),
    }


def in_orientation(upright: Image.Image, orientation: int, kind: str, **options: Any) -> bytes:
    """The picture as it is stored in a file whose metadata say `orientation` (EXIF, 1 to 8)."""
    exif = Image.Exif()
    exif[_ORIENTATION] = {6: 8, 8: 6}.get(orientation, orientation)  # the others are their own inverse
    with Image.open(BytesIO(encoded(upright, "PNG", exif=exif))) as turned:
        stored = ImageOps.exif_transpose(turned)
    exif[_ORIENTATION] = orientation
    return encoded(stored, kind, exif=exif, **options)


def _with_odd_metadata() -> dict[str, bytes]:
    png, jpeg = encoded(_COFFEE, "PNG"), encoded(_COFFEE)
    webp = encoded(_COFFEE, "WEBP", icc_profile=b"no profile")
    return {
        "broken_exif.png": with_png_chunk(png, png_chunk(b"eXIf", _BROKEN_EXIF)),
        "large_text.png": with_png_chunk(png, png_chunk(b"zTXt", b"raw\0\0" + zlib.compress(bytes(3_000_000)))),
        "broken_profile.png": with_png_chunk(png, png_chunk(b"iCCP", b"icc\0\0no zlib")),
        "broken_exif.jpg": with_jpeg_segment(jpeg, 0xE1, b"Exif\0\0" + _BROKEN_EXIF),
        "bytes_between_segments.jpg": jpeg[:20] + b"\0\0\x12" + jpeg[20:],
        "broken_exif.webp": with_webp_chunk(webp, b"EXIF", _BROKEN_EXIF),
    }


def _with_deep_greys() -> dict[str, bytes]:
    levels = np.asarray(_GREY).astype(np.float64) / 255
    return {
        "grey_16_bit.png": encoded(Image.fromarray((levels * 65535).astype(np.uint16)), "PNG"),
        "grey_12_bit.png": encoded(Image.fromarray((levels * 4095).astype(np.uint16)), "PNG"),
        "grey_32_bit.tif": tiff((levels * 65535).astype(np.int32)),
        "grey_fractions.tif": tiff(levels.astype(np.float32), order=">"),
        "white_is_zero.tif": tiff(255 - np.asarray(_GREY), {262: 0}),
    }


def _animated() -> dict[str, bytes]:
    """The first frame shows the coffee, the others do not."""
    others = [Image.new("RGB", _COFFEE.size, colour) for colour in ("green", "red")]
    how: dict[str, Any] = {"save_all": True, "append_images": others, "duration": 100, "loop": 0}
    return {f"animated.{kind.lower()}": encoded(_COFFEE, kind, **how) for kind in ("GIF", "WEBP", "PNG")}


def _misnamed() -> dict[str, bytes]:
    return {
        "picture.mp4": encoded(_COFFEE, "PNG"),
        "png_inside.jpg": encoded(_COFFEE, "PNG"),
        "webp_inside.PNG": encoded(_COFFEE, "WEBP"),
        "no_suffix": encoded(_COFFEE),
        "Tasse à café №1.JPG": encoded(_COFFEE),
    }


def refused() -> dict[str, bytes]:
    """Files that are not pictures, or not whole, or of a kind that is not read."""
    whole = {**_formats(), "plain.png": encoded(_COFFEE, "PNG"), "plain.jpg": encoded(_COFFEE)}
    cut = ("plain.jpg", "progressive.jpg", "plain.png", "lossless.webp", "still.gif", "still.avif", "bitmap.bmp")
    return {
        **{f"cut_off_{name}": whole[name][: len(whole[name]) * 6 // 10] for name in (*cut, "icon.ico", "lzw.tif")},
        "zeros_at_the_end.jpg": whole["plain.jpg"][:6000] + bytes(6000),
        "zeros_inside.png": whole["plain.png"][:9000] + bytes(9000) + whole["plain.png"][18000:],
        "zeros_only.jpg": bytes(50_000),
        "empty.png": b"",
        "page_saved_as.jpg": b"<!DOCTYPE html>\n<html><head><title>403 Forbidden</title></head></html>\n",
        "pointer.png": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n",
        "phone.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500),
        "new.jxl": b"\xff\x0a\xfa\x1f\x41\x91\x08\x06\x01" + bytes(500),
        "scan.jp2": encoded(_COFFEE, "JPEG2000"),
        "logo.jpg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "layers.jpg": b"8BPS\0\x01" + bytes(500),
        "from_an_app.png": whole["plain.png"][:8] + png_chunk(b"CgBI", bytes(4)) + whole["plain.png"][8:],
        "lossless_coding.jpg": whole["plain.jpg"].replace(b"\xff\xc0\0\x11", b"\xff\xc3\0\x11", 1),
    }


def videos() -> dict[str, bytes]:
    """Videos, of which some play, some break off, and some show nothing."""
    film = _video("film.mp4")
    index_first = _video("film.mp4", frames=60, options={"movflags": "faststart"})
    third = len(index_first) // 3
    return {
        "film.mp4": film,
        "film_without_suffix": film,
        "film.jpg": _video("film.mp4", frames=12),
        "rotated.mp4": _video("film.mp4", _COFFEE.rotate(90), matrix=(0, 1, -1, 0)),
        "mirrored.mov": _video("film.mov", ImageOps.mirror(_COFFEE), matrix=(-1, 0, 0, 1)),
        "ten_bits.mp4": _video("film.mp4", pixels="yuv420p10le"),
        "odd_size.webm": _video("film.webm", _COFFEE.resize((301, 299))),
        "from_a_gif.mp4": _video("film.mp4", _COFFEE.quantize(32).convert("RGB"), frames=3, pixels="yuv444p"),
        "sound_only.mp4": _sound("sound.mp4"),
        "sound_and_a_cover.mp4": _sound("sound.mp4", cover=_COFFEE),
        "broken.mp4": film[:40] + bytes(2000),
        "cut_off_at_half.mp4": index_first[: len(index_first) // 2],
        "cut_off_before_its_index.mp4": film[: len(film) // 2],
        "zeros_inside.mp4": index_first[:third] + bytes(third) + index_first[2 * third :],
        "text.mp4": b"hello " * 100,
        "empty.mp4": b"",
    }


def _video(name: str, picture: Image.Image = _COFFEE, **how: Any) -> bytes:
    with TemporaryDirectory() as folder:
        return write_video(Path(folder) / name, picture, **how).read_bytes()


def _sound(name: str, **how: Any) -> bytes:
    with TemporaryDirectory() as folder:
        return write_sound(Path(folder) / name, **how).read_bytes()
