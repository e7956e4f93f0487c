"""Metadata never makes a sound picture unreadable, and its orientation is applied exactly once."""

import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageOps

from models.images import UnreadableFrame, read_picture
from models.pictures.metadata import without_metadata
from tests.fakes.pictures import (
    encoded,
    png_chunk,
    scene,
    tiff,
    with_jpeg_segment,
    with_png_chunk,
    with_webp_chunk,
)

SIZE = 64
PNG, JPEG, TIFF = encoded(scene(), "PNG"), encoded(scene()), encoded(scene(), "TIFF")
WEBP = encoded(scene(), "WEBP", lossless=True, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0")  # of the extended kind
SOFTWARE = Image.Exif()
SOFTWARE[0x0131] = "x" * 300
AVIF = encoded(scene(), "AVIF", exif=SOFTWARE)
BROKEN_EXIF = {
    "cut off": b"II*\0\x08\0\0\0\x02\0\x12\x01\x03\0",
    "no start": b"\0\x08\0\x02\x01\x12\0\x03",
    "directory beyond its end": b"MM\0*\x7f\xff\xff\xff",
    "circle": b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0",
    "65535 fields": b"II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x07\0\xff\xff\xff\xff\xff\xff\xff\xff" * 9,
    "orientation 99": b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0\0\0\0\0",
    "empty": b"",
    "noise": bytes(range(256)),
}
AWKWARD = {
    "PNG with 3 MB of text": (
        with_png_chunk(PNG, png_chunk(b"zTXt", b"raw\0\0" + zlib.compress(b"A" * 3_000_000))),
        PNG,
    ),
    "PNG with 60 MB of text": (
        with_png_chunk(PNG, png_chunk(b"zTXt", b"raw\0\0" + zlib.compress(bytes(60 << 20)))),
        PNG,
    ),
    "PNG with broken text": (with_png_chunk(PNG, png_chunk(b"zTXt", b"raw\0\0" + b"no zlib")), PNG),
    "PNG with text of an unknown coding": (with_png_chunk(PNG, png_chunk(b"iTXt", b"raw\0\x01\x09\0\0\xff")), PNG),
    "PNG with many texts": (with_png_chunk(PNG, png_chunk(b"tEXt", b"a\0" + b"b" * 2_000_000) * 40), PNG),
    "PNG with a damaged profile": (with_png_chunk(PNG, png_chunk(b"iCCP", b"icc\0\0" + b"no zlib")), PNG),
    "PNG with a bad checksum": (with_png_chunk(PNG, png_chunk(b"tEXt", b"a\0b")[:-4] + b"0000"), PNG),
    "PNG with a bad checksum of its time": (with_png_chunk(PNG, png_chunk(b"tIME", bytes(7))[:-4] + b"0000"), PNG),
    "PNG with a short gamma": (with_png_chunk(PNG, png_chunk(b"gAMA", b"\0")), PNG),
    "PNG with a short resolution": (with_png_chunk(PNG, png_chunk(b"pHYs", b"")), PNG),
    "PNG with bytes after it": (PNG + bytes(100_000), PNG),
    "PNG with a PNG after it": (PNG + encoded(scene().rotate(90), "PNG"), PNG),
    "JPEG with a damaged profile": (with_jpeg_segment(JPEG, 0xE2, b"ICC_PROFILE\0\x01\x01" + bytes(50)), JPEG),
    "JPEG with a missing part of a profile": (with_jpeg_segment(JPEG, 0xE2, b"ICC_PROFILE\0\x02"), JPEG),
    "JPEG with a broken list of pictures": (with_jpeg_segment(JPEG, 0xE2, b"MPF\0II*\0\x08\0\0\0\xff\xff"), JPEG),
    "JPEG with a broken Photoshop block": (with_jpeg_segment(JPEG, 0xED, b"Photoshop 3.0\x008BIM\x03\xed\xff"), JPEG),
    "JPEG with a short JFIF": (with_jpeg_segment(JPEG, 0xE0, b"JFIF\0"), JPEG),
    "JPEG with 6 MB of metadata": (
        with_jpeg_segment(JPEG, 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + bytes(60_000)),
        JPEG,
    ),
    "JPEG with a second picture": (JPEG + encoded(scene().rotate(90)), JPEG),
    "JPEG with bytes after it": (JPEG + b"MotionPhoto_Data" + bytes(100_000), JPEG),
    "JPEG with bytes between its segments": (JPEG[:20] + b"\0\0\x12" + JPEG[20:], JPEG),
    "JPEG with padding between its segments": (JPEG[:2] + b"\xff\xff\xff" + JPEG[2:], JPEG),
    "WebP with a broken profile": (with_webp_chunk(WEBP, b"ICCP", b"profile"), WEBP),
    "WebP with a broken XMP": (with_webp_chunk(WEBP, b"XMP ", b"<x"), WEBP),
    "WebP with an unknown chunk": (with_webp_chunk(WEBP, b"ABCD", b"123"), WEBP),
    "WebP with bytes after it": (WEBP + bytes(1000), WEBP),
    "GIF with bytes after it": (encoded(scene(), "GIF") + bytes(1000), encoded(scene(), "GIF")),
    "GIF with a long comment": (encoded(scene(), "GIF", comment=b"a" * 1_000_000), encoded(scene(), "GIF")),
    "TIFF with a broken profile": (tiff(np.asarray(scene()), {34675: (1, 2, 3)}), TIFF),
    "TIFF with fields of no meaning": (tiff(np.asarray(scene()), {700: 1, 33723: (7, 7, 7), 65000: 3}), TIFF),
    "TIFF with a lost EXIF directory": (tiff(np.asarray(scene()), {34665: 65535, 34853: 65535}), TIFF),
}


def with_avif_exif(exif: bytes) -> bytes:
    block = SOFTWARE.tobytes().removeprefix(b"Exif\0\0")
    assert block in AVIF
    return AVIF.replace(block, exif.ljust(len(block), b"\0"))


def same(one: bytes, other: bytes) -> bool:
    return bool((read_picture(one, SIZE) == read_picture(other, SIZE)).all())


@pytest.mark.parametrize("exif", BROKEN_EXIF.values(), ids=BROKEN_EXIF)
def test_a_broken_exif_block_does_no_harm(exif: bytes) -> None:
    assert same(with_png_chunk(PNG, png_chunk(b"eXIf", exif)), PNG)
    assert same(with_jpeg_segment(JPEG, 0xE1, b"Exif\0\0" + exif), JPEG)
    assert same(with_webp_chunk(WEBP.replace(b"EXIF", b"skip"), b"EXIF", exif), WEBP)
    assert same(with_avif_exif(exif), AVIF)


@pytest.mark.parametrize("awkward", AWKWARD)
def test_metadata_never_makes_a_sound_picture_unreadable(awkward: str) -> None:
    assert same(*AWKWARD[awkward])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"big_tiff": True}),
        ("AVIF", {"quality": 95}),
    ],
    ids=["JPEG", "PNG", "WebP", "TIFF", "TIFF compressed", "BigTIFF", "AVIF"],
)
def test_the_orientation_is_applied_exactly_once(kind: str, options: dict[str, object], orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = scene(90, 60)
    upright.paste("red", (0, 0, 20, 20))
    turned = ImageOps.exif_transpose(with_orientation(upright, {6: 8, 8: 6}.get(orientation, orientation)))
    picture = encoded(turned, kind, exif=exif, **options)
    difference = np.abs(read_picture(picture, SIZE, crop=1).astype(int) - read_picture(upright, SIZE, crop=1))
    assert difference.mean() < 3


def with_orientation(image: Image.Image, orientation: int) -> Image.Image:
    exif = Image.Exif()
    exif[0x0112] = orientation
    with Image.open(BytesIO(encoded(image, "PNG", exif=exif))) as opened:
        opened.load()
        return opened


def test_in_avif_the_formats_own_fields_say_what_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert same(with_avif_exif(exif.tobytes().removeprefix(b"Exif\0\0")), AVIF)  # no browser looks there


def test_only_the_first_exif_block_counts() -> None:
    def block(orientation: int) -> bytes:
        exif = Image.Exif()
        exif[0x0112] = orientation
        return exif.tobytes()

    twice = with_jpeg_segment(with_jpeg_segment(JPEG, 0xE1, block(3)), 0xE1, block(6))
    assert same(twice, with_jpeg_segment(JPEG, 0xE1, block(6)))


@pytest.mark.parametrize("compression", [4, 5, 99])
def test_a_bitmap_of_an_uncommon_compression_is_named(compression: int) -> None:
    bitmap = encoded(scene(), "BMP")
    with pytest.raises(UnreadableFrame, match=f"BMP with compression {compression} is not read: save it as"):
        without_metadata(bitmap[:30] + bytes([compression]) + bitmap[31:], "BMP")


def test_a_png_of_an_iphone_program_is_named() -> None:
    picture = PNG[:8] + png_chunk(b"CgBI", bytes(4)) + PNG[8:]
    with pytest.raises(UnreadableFrame, match=r"PNG with the coding of iPhone programs .* is not read: save it as"):
        without_metadata(picture, "PNG")


def test_a_camera_raw_file_that_begins_as_a_tiff_is_named() -> None:
    raw = tiff(np.asarray(scene(160, 120)), {254: 1, 330: 8})
    with pytest.raises(UnreadableFrame, match="a camera's raw file: save it as JPEG first"):
        without_metadata(raw, "TIFF")
