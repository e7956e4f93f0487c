"""The page reads the pictures that the commands read, with the same pixels, and refuses others in the same words."""

import base64
import json
import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps
from playwright.sync_api import Page

import models.pictures
from models.images import BadFrame, read_picture
from models.picture_folder import VIDEO_SUFFIXES
from tests.browser.page_driver import run
from tests.fakes.awkward_files import in_orientation, readable_pictures, refused
from tests.fakes.pictures import announcing, encoded, png_chunk, scene, tiff
from web import STATIC

pytestmark = pytest.mark.browser

SIZE = 128
READABLE, REFUSED = readable_pictures(), refused()
NEAR = 3.0  # levels of 255 in the mean: browsers shrink pictures in their own way
READ = """async ({ readPicture }, name, content) => {
  const { kindOf } = await import("/static/files/file_kind.js");
  const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
  const file = new File([bytes], name);
  try {
    return (await readPicture(file, await kindOf(file))).toDataURL();
  } catch (error) {
    return error.message;
  }
}"""


def as_page(modules: Page, content: bytes, name: str = "file") -> Image.Image | str:
    """What the page makes of a picture file: its centre square, or what it says."""
    result: str = run(modules, "files/picture.js", READ, name, base64.b64encode(content).decode())
    if not result.startswith("data:"):
        return result
    return Image.open(BytesIO(base64.b64decode(result.partition(",")[2])))


def as_commands(content: bytes) -> NDArray[np.uint8] | str:
    try:
        return read_picture(content, SIZE, crop=1)
    except BadFrame as error:
        return str(error)


def check_same(modules: Page, content: bytes) -> None:
    """Whether the page and the commands read the same pixels."""
    page, commands = as_page(modules, content), as_commands(content)
    assert not isinstance(page, str), page
    assert not isinstance(commands, str), commands
    pixels = read_picture(page, SIZE, crop=1)
    assert np.abs(pixels.astype(int) - commands).mean() < NEAR


def test_the_page_has_the_commands_table_of_kinds() -> None:
    text = (STATIC / "files" / "picture_kinds.js").read_text(encoding="utf-8")
    table = text.partition("export const PICTURE_KINDS = ")[2].strip().removesuffix(";")
    assert json.loads(table) == json.loads(
        (Path(models.pictures.__file__).parent / "kinds.json").read_text(encoding="utf-8")
    )


def test_the_page_knows_the_suffixes_of_videos(modules: Page) -> None:
    suffixes = run(modules, "files/file_kind.js", "({ VIDEO_SUFFIXES }) => [...VIDEO_SUFFIXES]")
    assert {f".{each}" for each in suffixes} == VIDEO_SUFFIXES


@pytest.mark.parametrize("name", READABLE)
def test_what_is_read_has_the_same_pixels(modules: Page, name: str) -> None:
    check_same(modules, READABLE[name])


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_refused_with_the_same_words(modules: Page, name: str) -> None:
    words = as_page(modules, REFUSED[name], name)
    assert words == as_commands(REFUSED[name])
    assert isinstance(words, str)


@pytest.mark.parametrize("filter_type", range(5))
def test_filters_of_a_png_with_deep_greys_are_undone(modules: Page, filter_type: int) -> None:
    greys = (np.arange(60 * 90) % 997).astype(np.uint16).reshape(60, 90)
    check_same(modules, with_filter(greys, filter_type))


def with_filter(greys: NDArray[np.uint16], filter_type: int) -> bytes:
    """The greys as a PNG of 16 bits of which all rows have this filter (PNG, third edition, section 9)."""
    height, width = greys.shape
    rows = np.frombuffer(greys.astype(">u2").tobytes(), np.uint8).reshape(height, 2 * width).astype(int)
    above = np.pad(rows, ((1, 0), (0, 0)))[:-1]
    left, corner = (np.pad(each, ((0, 0), (2, 0)))[:, :-2] for each in (rows, above))
    distances = np.abs(np.stack([above - corner, left - corner, left + above - 2 * corner]))
    paeth = np.choose(distances.argmin(axis=0), [left, above, corner])
    predicted = [0 * rows, left, above, (left + above) // 2, paeth][filter_type]
    stored = np.pad((rows - predicted) % 256, ((0, 0), (1, 0)), constant_values=filter_type).astype(np.uint8)
    return deep_png(greys, stored.tobytes(), interlaced=False)


def deep_png(greys: NDArray[np.uint16], stored: bytes, *, interlaced: bool) -> bytes:
    height, width = greys.shape
    header = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, interlaced)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(stored)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, content) for name, content in chunks)


@pytest.mark.parametrize("shape", [(60, 90), (2, 2), (1, 1), (17, 5)])
@pytest.mark.parametrize("white", [1000, 60_000])
def test_an_interlaced_png_with_deep_greys_is_read(modules: Page, shape: tuple[int, int], white: int) -> None:
    greys = np.linspace(0, white, shape[0] * shape[1]).astype(np.uint16).reshape(shape)
    starts = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    passes = [greys[top::down, left::across] for left, top, across, down in starts]
    stored = b"".join(b"\0" + row.astype(">u2").tobytes() for each in passes if each.size for row in each)
    check_same(modules, deep_png(greys, stored, interlaced=True))


def test_a_photograph_of_108_megapixels_is_read(modules: Page) -> None:
    check_same(modules, encoded(Image.linear_gradient("L").resize((12_000, 9_000))))


BOMBS = {
    "PNG": encoded(Image.new("1", (40_000, 10_000)), "PNG"),
    "GIF": b"GIF89a\xff\xff\xff\xff" + encoded(scene(), "GIF")[10:],
    "JPEG": announcing(encoded(scene()), 40_000, 40_000),
    "BMP": encoded(scene(), "BMP").replace(struct.pack("<2i", 320, 240), struct.pack("<2i", 30_000, -30_000), 1),
    "TIFF": tiff(np.zeros((9, 9), np.uint8), {256: 50_000, 257: 50_000, 278: 50_000}),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_what_is_too_large_is_refused_before_it_is_decoded(modules: Page, kind: str) -> None:
    words = as_page(modules, BOMBS[kind])
    assert "pixels need too much memory: save a smaller picture" in str(words)
    assert words == as_commands(BOMBS[kind])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_the_orientation_is_applied_exactly_once(modules: Page, kind: str, orientation: int) -> None:
    upright = scene(90, 60)
    upright.paste("red", (15, 0, 35, 20))
    content = in_orientation(upright, orientation, kind)
    check_same(modules, content)
    page = as_page(modules, content)
    assert not isinstance(page, str)
    assert np.abs(np.asarray(page).astype(int)[..., :3] - np.asarray(ImageOps.fit(upright, page.size))).mean() < 6


def tiffs() -> dict[str, bytes]:
    """TIFF files of the forms that the page reads."""
    colours, ramp = np.asarray(scene(90, 60)), np.linspace(0, 1, 90 * 60).reshape(60, 90)
    clear = scene(90, 60).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    palette, black_and_white = scene(90, 60).quantize(16), scene(90, 60).convert("1")
    difference = {"compression": "tiff_lzw", "tiffinfo": {317: 2}}
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (300, 200, 3), np.uint8))
    return {
        "big end first": tiff(colours, order=">"),
        "16 bits a colour": tiff(colours.astype(np.uint16) * 257, order=">"),
        "grey of 8 bits, signed": tiff((ramp * 200 - 100).astype(np.int8)),
        "grey of 16 bits, signed": tiff((ramp * 9000 - 4000).astype(np.int16)),
        "grey of 16 bits, white is zero": tiff((65535 - ramp * 65535).astype(np.uint16), {262: 0}),
        "grey of 10 of 16 bits": tiff((ramp * 1023).astype(np.uint16)),
        "grey of 32 bits, unsigned": tiff((ramp * 4e9).astype(np.uint32)),
        "grey of 32 bits, negative": tiff((ramp * 4e5 - 2e5).astype(np.int32)),
        "fractions up to 255": tiff((ramp * 255).astype(np.float32)),
        "fractions with no numbers among them": tiff(np.where(ramp > 0.9, np.nan, ramp).astype(np.float32)),
        "black and white": encoded(black_and_white, "TIFF"),
        "palette": encoded(palette, "TIFF"),
        "grey and alpha": encoded(clear.convert("LA"), "TIFF"),
        "alpha": encoded(clear, "TIFF"),
        "CMYK": encoded(scene(90, 60).convert("CMYK"), "TIFF"),
        "LZW": encoded(noise, "TIFF", compression="tiff_lzw"),
        "LZW of differences": encoded(noise, "TIFF", **difference),
        "Deflate of differences": encoded(scene(), "TIFF", **{**difference, "compression": "tiff_adobe_deflate"}),
        "run lengths": encoded(scene(), "TIFF", compression="packbits"),
        "run lengths of black and white": encoded(black_and_white, "TIFF", compression="packbits"),
        "tiles": in_tiles(colours, side=32),
        "planes": in_planes(colours),
    }


def in_tiles(pixels: NDArray[np.uint8], side: int) -> bytes:
    """The pixels (height, width, 3) as a TIFF of square tiles, those at the edge filled up."""
    height, width, _ = pixels.shape
    filled = np.pad(pixels, ((0, -height % side), (0, -width % side), (0, 0)), constant_values=77)
    down, across = filled.shape[0] // side, filled.shape[1] // side
    tiles = filled.reshape(down, side, across, side, 3).swapaxes(1, 2).reshape(-1, side, 3)
    length = side * side * 3
    places = {324: tuple(8 + each * length for each in range(down * across)), 325: (length,) * (down * across)}
    return without_strips(tiff(tiles, {256: width, 257: height, 322: side, 323: side, **places}))


def without_strips(content: bytes) -> bytes:
    """The TIFF, little end first, without the fields that say where its strips are."""
    place = int.from_bytes(content[4:8], "little")
    end = place + 2 + 12 * int.from_bytes(content[place : place + 2], "little")
    entries = [content[each : each + 12] for each in range(place + 2, end, 12)]
    kept = [each for each in entries if int.from_bytes(each[:2], "little") not in (273, 278, 279)]
    return (
        content[:place]
        + len(kept).to_bytes(2, "little")
        + b"".join(kept).ljust(end - place - 2, b"\0")
        + content[end:]
    )


def in_planes(pixels: NDArray[np.uint8]) -> bytes:
    """The pixels (height, width, 3) as a TIFF of three planes."""
    height, width, _ = pixels.shape
    length = height * width
    places = {273: (8, 8 + length, 8 + 2 * length), 279: (length,) * 3}
    fields: dict[int, int | tuple[int, ...]] = {257: height, 258: (8,) * 3, 262: 2, 277: 3, 278: height, 284: 2}
    return tiff(np.concatenate([*np.moveaxis(pixels, 2, 0)]), {**fields, 339: (1,) * 3, **places})


TIFFS = tiffs()


@pytest.mark.parametrize("form", TIFFS)
def test_the_page_reads_tiff(modules: Page, form: str) -> None:
    check_same(modules, TIFFS[form])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (encoded(scene(), "TIFF", compression="jpeg"), "3 channels of 8-bit numbers and compression 7"),
        (encoded(scene().convert("1"), "TIFF", compression="group4"), "1 channel of 1-bit numbers and compression 4"),
        (encoded(scene(), "TIFF", big_tiff=True), "64-bit offsets"),
        (tiff(np.ones((9, 9), np.float64)), "1 channel of 64-bit fractions"),
        (tiff(np.zeros((9, 9, 3), np.float32)), "3 channels of 32-bit fractions"),
    ],
)
def test_a_tiff_of_another_form_is_refused_by_name(modules: Page, content: bytes, says: str) -> None:
    assert as_page(modules, content) == f"TIFF with {says} is not read: save it as an ordinary JPEG first"


def test_a_camera_raw_file_that_begins_as_a_tiff_is_named(modules: Page) -> None:
    thumbnail = np.asarray(scene(160, 120))
    for fields in ({50706: 1}, {254: 1, 330: 8}, {259: 34713}, {262: 32803}):
        assert as_page(modules, tiff(thumbnail, fields)) == as_commands(tiff(thumbnail, fields))
        assert as_page(modules, tiff(thumbnail, fields)) == "a camera's raw file: save it as JPEG first"


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_a_tiff_that_is_cut_off_is_damaged(modules: Page, share: float) -> None:
    for form, content in TIFFS.items():
        says = as_page(modules, content[: int(len(content) * share)])
        assert says == "the TIFF is cut off or damaged: copy it again", form
