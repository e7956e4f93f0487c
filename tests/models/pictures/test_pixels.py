"""Files of every kind become upright RGB pixels, or a named error: nothing else, and in bounded memory."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.images import BadFrame, FrameTooLarge, UnreadableFrame, read_picture
from models.pictures import limits
from models.pictures.kinds import HEAD, kind_of
from models.pictures.pixels import LARGE_FILE_BYTES, LARGE_PIXELS, read_file
from tests.fakes.mutated_pictures import samples
from tests.fakes.pictures import announcing, encoded, png_chunk, scene, with_png_chunk

pytestmark = pytest.mark.filterwarnings("ignore:::PIL")  # as in the program; pytest forgets it

SAMPLES = samples()
MANY = int(os.environ.get("SIGHTSTREAM_FUZZ_PICTURES", "600"))


def name(data: bytes) -> str:
    kind = kind_of(data[:HEAD])
    assert kind is not None
    return kind.name


def difference(one: bytes, other: Image.Image, size: int = 64) -> float:
    return float(np.abs(read_picture(one, size).astype(int) - read_picture(other, size)).mean())


@pytest.mark.parametrize("data", SAMPLES, ids=[f"{number} {name(data)}" for number, data in enumerate(SAMPLES)])
def test_a_picture_that_is_cut_off_is_an_error_or_reads_as_the_whole(data: bytes) -> None:
    whole = read_picture(data, 32)
    readable = 0
    for end in [*range(0, len(data), len(data) // 60), *range(len(data) - 20, len(data))]:
        try:
            pixels = read_picture(data[:end], 32)
        except BadFrame:
            continue
        assert (pixels == whole).all(), end
        readable += 1
    assert readable < 70  # of 80; what follows the first picture, and metadata, may be missing


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WebP", "AVIF", "BMP", "ICO", "TIFF"])
def test_a_half_of_a_picture_says_that_it_is_cut_off(kind: str) -> None:
    data = encoded(scene(256, 256), kind)
    with pytest.raises(UnreadableFrame, match=f"^the {kind} is cut off or damaged: copy it again$"):
        read_picture(data[: len(data) // 2], 64)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WebP", "AVIF"])
def test_of_an_animated_picture_the_first_frame_is_read(kind: str) -> None:
    others = [scene().rotate(180)] * 2
    assert difference(encoded(scene(), kind, save_all=True, append_images=others), scene()) < 8


@pytest.mark.parametrize("screen", [(96, 96), (64, 96)])
def test_beside_the_first_frame_of_a_gif_is_white(screen: tuple[int, int]) -> None:
    gif = bytearray(encoded(Image.new("RGB", (64, 64), "red"), "GIF"))
    gif[6:10] = b"".join(side.to_bytes(2, "little") for side in screen)
    expected = Image.new("RGB", screen, "white")
    expected.paste("red", (0, 0, 64, 64))
    assert difference(bytes(gif), expected) == 0


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16", "I", "F"])
def test_an_image_of_any_mode_becomes_rgb(mode: str) -> None:
    assert read_picture(scene().convert("L").convert(mode) if mode in "I;16 F" else scene().convert(mode), 32).any()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "TIFF", "ICO"])
def test_what_is_transparent_stands_on_white(kind: str) -> None:
    clear = encoded(Image.new("RGBA", (64, 64), (255, 0, 0, 0)), kind)
    assert (read_picture(clear, 32) == 255).all()


def test_a_transparent_colour_stands_on_white() -> None:
    palette = Image.new("P", (64, 64))
    palette.putpalette([255, 0, 0])
    grey = with_png_chunk(encoded(Image.new("L", (64, 64), 7), "PNG"), png_chunk(b"tRNS", b"\0\7"))
    for data in (encoded(palette, "PNG", transparency=0), encoded(palette, "GIF", transparency=0), grey):
        assert (read_picture(data, 32) == 255).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF"])
def test_a_picture_of_many_pixels_is_the_same_picture(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    large = encoded(scene(1600, 1200), kind)
    as_ordinary = read_picture(large, 64)
    monkeypatch.setattr("models.pictures.pixels.LARGE_PIXELS", 10_000)
    assert np.abs(read_picture(large, 64).astype(int) - as_ordinary).mean() < 1.5


@pytest.mark.parametrize("size", [(40_000, 1000), (1000, 40_001), (3, 20_000_001)])
def test_of_a_long_picture_the_centre_is_read(size: tuple[int, int]) -> None:
    image = Image.new("L", size)
    short = min(size)
    centre = ((size[0] - short) // 2, (size[1] - short) // 2)
    image.paste(200, (*centre, centre[0] + short, centre[1] + short))
    assert (read_picture(encoded(image, "PNG", compress_level=1), 32, 0.9) == 200).all()


BOMBS = {
    "JPEG": announcing(encoded(scene()), 60_000, 60_000),
    "PNG": encoded(scene(), "PNG")[:8]
    + png_chunk(b"IHDR", b"\0\1\0\0\0\1\0\0\x08\2\0\0\0")
    + encoded(scene(), "PNG")[33:],
    "GIF": b"GIF89a" + b"\xff" * 4 + encoded(scene(), "GIF")[10:],
    "BMP": encoded(scene(), "BMP")[:18] + (60_000).to_bytes(4, "little") * 2 + encoded(scene(), "BMP")[26:],
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_picture_that_needs_too_much_memory_is_refused_by_its_header(kind: str) -> None:
    with pytest.raises(FrameTooLarge, match=r"\d+×\d+ pixels need too much memory: save a smaller picture"):
        read_picture(BOMBS[kind], 64)


LARGE = """
import json, sys
from io import BytesIO
from PIL import Image
width, height = 12000, 9000
file = BytesIO()
strip = Image.linear_gradient("L").resize((width, 90)).convert("RGB")
image = Image.new("RGB", (width, height))
for top in range(0, height, 90):
    image.paste(strip, (0, top))
image.save(file, sys.argv[1], **json.loads(sys.argv[2]))
open(sys.argv[3], "wb").write(file.getvalue())
"""
READ = """
import sys
from models.images import read_picture
from tests.fakes.processes import peak_memory
pixels = read_picture(sys.argv[1], 224)
print(pixels.mean(), peak_memory())
"""


@pytest.mark.parametrize(
    ("kind", "options", "most_mb"),
    [("JPEG", {}, 150), ("JPEG", {"progressive": True}, 500), ("PNG", {"compress_level": 1}, 700)],
    ids=["JPEG", "progressive JPEG", "PNG"],
)
def test_a_picture_of_108_megapixels_is_read_in_little_memory(
    kind: str, options: dict[str, object], most_mb: int, tmp_path: Path
) -> None:
    file = tmp_path / "large"
    subprocess.run([sys.executable, "-c", LARGE, kind, json.dumps(options), str(file)], check=True)
    done = subprocess.run([sys.executable, "-c", READ, str(file)], capture_output=True, text=True, check=True)
    mean, memory = map(float, done.stdout.split())
    assert LARGE_PIXELS < 12_000 * 9_000
    assert 110 < mean < 145
    assert memory < most_mb << 20


def test_damaged_pictures_raise_nothing_but_named_errors_in_bounded_memory_and_time() -> None:
    """`SIGHTSTREAM_FUZZ_PICTURES=20000` reads so many."""
    command = [sys.executable, "-m", "tests.fakes.mutated_pictures", str(MANY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert done.stderr == ""  # what decoders would write
    told = json.loads(done.stdout)
    assert told["pictures"] == MANY
    assert set(told["read"]) == {"JPEG", "PNG", "GIF", "WebP", "AVIF", "BMP", "ICO", "TIFF"}
    assert sum(told["read"].values()) + sum(told["refused"].values()) == MANY
    assert told["peak_memory"] < limits.MAX_BYTES
    assert told["slowest_s"] < 60


def test_a_file_of_another_kind_is_not_read_as_a_whole(tmp_path: Path) -> None:
    film = tmp_path / "film.jpg"
    with film.open("wb") as file:
        file.write(b"\0\0\0\x18ftypmp42")
        file.truncate(LARGE_FILE_BYTES * 100_000)  # takes no room on the disk
    with pytest.raises(UnreadableFrame, match="a video, not a picture"):
        read_file(film)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    with large.open("wb") as file:
        file.write(encoded(scene()))
        file.truncate(limits.MAX_FILE_BYTES + 1)
    with pytest.raises(FrameTooLarge, match="more than 512 MB: save a smaller picture"):
        read_file(large)


def test_a_device_without_an_end_is_refused() -> None:
    with pytest.raises(UnreadableFrame, match="nothing but zero bytes"):
        read_picture("/dev/zero", 32)


def test_a_picture_is_read_from_a_pipe_to_its_end(tmp_path: Path) -> None:
    pipe, data = tmp_path / "pipe", encoded(Image.effect_noise((640, 480), 90), "PNG")
    assert len(data) > 65536  # what a pipe holds
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as other:
        written = other.submit(pipe.write_bytes, data)
        assert read_file(pipe) == data
        assert written.result() == len(data)


def test_an_opened_image_is_turned_once() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("JPEG", "PNG", "TIFF", "WEBP"):
        data = encoded(scene(), kind, exif=exif)
        with Image.open(BytesIO(data)) as image:
            assert (read_picture(image, 64) == read_picture(data, 64)).all()
