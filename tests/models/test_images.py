import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from models.images import (
    AHEAD,
    BadFrame,
    FrameTooLarge,
    UnreadableFrame,
    read_ahead,
    read_frame,
    read_picture,
    to_frame,
)
from models.networks import View
from tests.fakes.pictures import announcing, encoded, scene

FRAME = encoded(scene(64, 64), quality=95, subsampling=0)


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def test_frame_of_the_right_size_is_taken_as_it_is() -> None:
    frame = read_frame(FRAME, 64)
    assert frame.shape == (64, 64, 3)
    assert frame.dtype == np.uint8
    assert difference(frame, np.asarray(scene(64, 64))) < 2


def test_frame_of_another_size_is_resized_whole() -> None:
    frame = read_frame(FRAME, 32)
    assert frame.shape == (32, 32, 3)
    assert difference(frame, np.asarray(scene(32, 32))) < 3


def test_frame_that_is_not_square_is_cut_to_its_centre() -> None:
    wide = read_frame(encoded(scene(128, 64), quality=95, subsampling=0), 64)
    assert difference(wide, np.asarray(scene(128, 64))[:, 32:96]) < 2


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_frame_without_rgb_becomes_rgb(mode: str) -> None:
    frame = read_frame(encoded(scene(64, 64).convert(mode), quality=95), 64)
    assert difference(frame, np.asarray(scene(64, 64).convert(mode).convert("RGB"))) < 3


@pytest.mark.parametrize(
    "not_a_frame",
    [
        b"",
        b"hello",
        b"\xff\xd8\xff",
        bytes(range(256)) * 40,
        encoded(scene(64, 64), "PNG"),
        encoded(scene(64, 64), "GIF"),
        encoded(scene(64, 64), "WEBP"),
    ],
    ids=["empty", "text", "only a start", "noise", "PNG", "GIF", "WebP"],
)
def test_frame_that_is_no_jpeg_is_unreadable(not_a_frame: bytes) -> None:
    with pytest.raises(UnreadableFrame):
        read_frame(not_a_frame, 64)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.95])
def test_truncated_frame_is_unreadable(share: float) -> None:
    with pytest.raises(UnreadableFrame):
        read_frame(FRAME[: int(len(FRAME) * share)], 64)


def test_bomb_is_refused_by_its_header() -> None:
    # Its few bytes would be "truncated" to anything that began to decode them.
    bomb = announcing(FRAME, 20_000, 20_000)
    with pytest.raises(FrameTooLarge, match="20000×20000"):
        read_frame(bomb, 64)
    with pytest.raises(FrameTooLarge):
        read_picture(bomb, 64)


def test_pixel_limit_is_the_callers() -> None:
    with pytest.raises(FrameTooLarge, match="4,000 allowed"):
        read_frame(FRAME, 64, max_pixels=4000)
    assert read_frame(FRAME, 64, max_pixels=64 * 64).shape == (64, 64, 3)


def test_jpeg_of_a_thousand_scans_is_refused() -> None:
    progressive = encoded(scene(64, 64), progressive=True)
    assert read_frame(progressive, 64).shape == (64, 64, 3)
    last_scan = progressive[progressive.rindex(b"\xff\xda") : -2]
    with pytest.raises(UnreadableFrame, match="scans"):
        read_frame(progressive[:-2] + last_scan * 1000 + progressive[-2:], 64)


@given(st.binary(max_size=300), st.integers(0, len(FRAME)))
def test_damaged_frame_raises_nothing_but_a_named_error(noise: bytes, place: int) -> None:
    damaged = FRAME[:place] + noise + FRAME[place + len(noise) :]
    for read in (read_frame, read_picture):
        with suppress(BadFrame):
            assert read(damaged, 32).shape == (32, 32, 3)


def test_picture_keeps_the_share_of_its_short_side_and_no_more() -> None:
    framed = ImageOps.expand(Image.new("RGB", (350, 350), "green"), border=25, fill="red")
    picture = encoded(framed, "PNG")
    green = (0, 128, 0)
    assert (read_picture(picture, 100, crop=0.875)[2:-2, 2:-2] == green).all()  # the filter reaches two pixels
    assert (read_picture(picture, 100, crop=0.92)[2, 2] != green).any()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_picture_is_turned_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying = encoded(scene(), "PNG", exif=exif)
    with Image.open(BytesIO(lying)) as opened:
        upright = ImageOps.exif_transpose(opened)
    assert (read_picture(lying, 64) == read_picture(upright, 64)).all()


def test_picture_with_holes_stands_on_white() -> None:
    clear = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    assert (read_picture(encoded(clear, "PNG"), 32) == 255).all()


def test_picture_of_16_bits_keeps_its_greys() -> None:
    grey = Image.fromarray(np.full((64, 64), 0x8000, np.uint16))
    assert (read_picture(encoded(grey, "PNG"), 32) == 0x80).all()


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_picture_may_be_of_any_kind(kind: str) -> None:
    picture = read_picture(encoded(scene(), kind), 64)
    assert difference(picture, read_picture(scene(), 64)) < 8


def test_picture_that_is_truncated_is_unreadable(tmp_path: Path) -> None:
    file = tmp_path / "half.png"
    file.write_bytes(encoded(scene(), "PNG")[:1500])
    with pytest.raises(UnreadableFrame):
        read_picture(file, 64)
    with pytest.raises(UnreadableFrame):
        to_frame(file, View(64, crop=0.8))


def test_frame_of_a_picture_reads_as_the_picture(tmp_path: Path) -> None:
    file = tmp_path / "scene.png"
    scene().save(file)
    jpeg = to_frame(file, View(64, crop=0.8))
    assert difference(read_frame(jpeg, 64), read_picture(file, 64, crop=0.8)) < 1.5
    with Image.open(BytesIO(jpeg)) as frame:
        assert isinstance(frame, JpegImageFile)
        assert get_sampling(frame) == 0  # 4:4:4


def test_files_read_ahead_come_in_order_with_errors_in_their_places(tmp_path: Path) -> None:
    files = []
    for number in range(2 * AHEAD):
        files.append(tmp_path / f"{number}.png")
        scene(64, 64).rotate(number).save(files[-1])
    files[3].unlink()
    files[5].write_bytes(b"not a picture")
    read = list(read_ahead(files, View(32, crop=0.8)))
    assert read[3] == "No such file or directory"
    assert read[5] == "a text, not a picture"
    for file, pixels in zip(files, read, strict=True):
        if not isinstance(pixels, str):
            assert (pixels == read_picture(file, 32, crop=0.8)).all()
    assert sum(isinstance(each, str) for each in read) == 2


def test_only_a_few_files_are_read_ahead(tmp_path: Path) -> None:
    scene(64, 64).save(tmp_path / "one.png")
    asked: list[int] = []

    def files() -> Iterator[Path]:
        for number in range(1000):
            asked.append(number)
            yield tmp_path / "one.png"

    read = read_ahead(files(), View(32, crop=1.0))
    next(read)
    assert len(asked) <= AHEAD + 1


def test_images_need_neither_tensorflow_nor_openvino() -> None:
    code = "import sys, models.images; print({'tensorflow', 'openvino'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
