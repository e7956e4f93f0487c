"""A video is read as a browser shows it, and what is wrong with it is said in one line."""

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from av.bitstream import BitStreamFilterContext
from PIL import Image

from infra.client.video_file import BadVideo
from infra.client.videos import MAX_PIXELS, read_video
from tests.fakes.browser.camera_file import is_near
from tests.fakes.pictures import announcing, encoded
from tests.fakes.processes import resident_memory
from tests.fakes.videos import CONTAINERS, quarters, write_sound, write_video

MANY = int(os.environ.get("SIGHTSTREAM_FUZZ_VIDEOS", "200"))
COLOURS = {"r": (255, 0, 0), "g": (0, 255, 0), "b": (0, 0, 255), "w": (255, 255, 255)}
TURNS = {  # the numbers of a display matrix, and the quarters that are then seen
    (1, 0, 0, 1): "rgbw",
    (-1, 0, 0, 1): "grwb",
    (-1, 0, 0, -1): "wbgr",
    (1, 0, 0, -1): "bwrg",
    (0, 1, 1, 0): "rbgw",
    (0, 1, -1, 0): "brwg",
    (0, -1, -1, 0): "wgbr",
    (0, -1, 1, 0): "gwrb",
}


def seen(picture: Image.Image) -> str:
    """The colours of the four quarters, from the upper left to the lower right one."""
    places = [(picture.width * x // 4, picture.height * y // 4) for y in (1, 3) for x in (1, 3)]
    colours: list[Any] = [picture.getpixel(place) for place in places]
    return "".join(
        next((name for name, wanted in COLOURS.items() if is_near(colour, wanted, by=60)), "?") for colour in colours
    )


def read(path: Path, patience_s: float = 20.0) -> tuple[int, str]:
    """The number of frames, and what was wrong."""
    count = 0
    try:
        for _ in read_video(path, patience_s):
            count += 1
    except BadVideo as error:
        return count, str(error)
    return count, ""


def changed(path: Path, old: bytes, new: bytes) -> Path:
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new))
    return path


def cut(path: Path, share: float) -> Path:
    os.truncate(path, int(path.stat().st_size * share))
    return path


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_every_container_gives_all_its_frames(tmp_path: Path, suffix: str) -> None:
    video = write_video(tmp_path / f"film{suffix}")
    assert read(video) == (20, "")
    assert {seen(picture) for picture in read_video(video)} == {"rgbw"}


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".3gp"])
@pytest.mark.parametrize("matrix", TURNS)
def test_frames_are_upright(tmp_path: Path, suffix: str, matrix: tuple[int, int, int, int]) -> None:
    (frame,) = read_video(write_video(tmp_path / f"film{suffix}", frames=1, matrix=matrix))
    assert seen(frame) == TURNS[matrix]
    assert frame.size == ((96, 64) if matrix[0] else (64, 96))


def test_a_turn_that_only_the_frames_announce_is_applied(tmp_path: Path) -> None:
    write_video(tmp_path / "lying.ts", frames=5)
    with av.open(str(tmp_path / "lying.ts")) as lying, av.open(str(tmp_path / "film.ts"), "w") as film:
        source = lying.streams.video[0]
        turning = BitStreamFilterContext("h264_metadata=display_orientation=insert:rotate=90", source)
        target = film.add_stream_from_template(source)
        for packet in lying.demux(source):
            for turned in turning.filter(packet if packet.size else None):
                turned.stream = target
                film.mux(turned)
    assert {seen(frame) for frame in read_video(tmp_path / "film.ts")} == {"gwrb"}


@pytest.mark.parametrize(
    ("pixel_aspect", "matrix", "size"),
    [
        (Fraction(2), (1, 0, 0, 1), (96, 32)),
        (Fraction(1, 2), (1, 0, 0, 1), (48, 64)),
        (Fraction(2), (0, 1, -1, 0), (32, 96)),
        (Fraction(1, 8), (1, 0, 0, 1), (12, 64)),
    ],
)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_pixels_are_made_square(
    tmp_path: Path, suffix: str, pixel_aspect: Fraction, matrix: Any, size: tuple[int, int]
) -> None:
    video = write_video(tmp_path / f"film{suffix}", frames=2, matrix=matrix, pixel_aspect=pixel_aspect)
    assert {frame.size for frame in read_video(video)} == {size}


def write_jpegs(path: Path, *sizes: tuple[int, int]) -> Path:
    path.write_bytes(b"".join(encoded(Image.new("RGB", size, "red")) for size in sizes))
    return path


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.touch(), "an empty file: copy it again"),
        (lambda path: path.write_bytes(b"hello" * 100), "a text, not a video"),
        (lambda path: path.write_bytes(bytes(3000)), "nothing but zero bytes: copy it again"),
        (
            lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"),
            "a Git LFS pointer, not the video itself: run `git lfs pull`",
        ),
        (lambda path: path.write_bytes(b"PK\3\4" + bytes(99)), "an archive, not a video: unpack it first"),
        (lambda path: path.write_bytes(b"\x7f\x80" * 500), "not a video of a known kind: save it as MP4 (H.264)"),
        (lambda path: cut(write_video(path), 0.5), "the video is cut off or damaged: copy it again"),
        (write_sound, "no video stream in it: choose another file"),
        (lambda path: write_sound(path, cover=quarters()), "no video stream in it: choose another file"),
        (
            lambda path: changed(write_video(path), b"avc1", b"zzzz"),
            "its codec is not known here: save it as MP4 (H.264)",
        ),
        (
            lambda path: write_video(
                path,
                options={
                    "encryption_scheme": "cenc-aes-ctr",
                    "encryption_key": "01" * 16,
                    "encryption_kid": "23" * 16,
                },
            ),
            "encrypted: save it without copy protection",
        ),
    ],
    ids=[
        "empty",
        "text",
        "zeros",
        "pointer",
        "archive",
        "unknown",
        "cut",
        "sound",
        "sound with a cover",
        "codec",
        "encrypted",
    ],
)
def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path, make: Callable[[Path], object], why: str) -> None:
    make(tmp_path / "film.mp4")
    assert read(tmp_path / "film.mp4") == (0, why)


@pytest.mark.parametrize("suffix", [".avi", ".mkv", ".webm"])
def test_an_unknown_codec_is_refused_in_every_container(tmp_path: Path, suffix: str) -> None:
    names = {".avi": b"FMP4", ".mkv": b"V_MPEG4/ISO/AVC", ".webm": b"V_VP8"}
    video = changed(write_video(tmp_path / f"film{suffix}"), names[suffix], b"V_" + b"Z" * (len(names[suffix]) - 2))
    assert read(video) == (0, "its codec is not known here: save it as MP4 (H.264)")


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".mp4", {"movflags": "faststart"}),
        (".mov", {"movflags": "faststart"}),
        (".mp4", {"movflags": "frag_keyframe+empty_moov"}),
        (".flv", {}),
        (".mkv", {"cluster_time_limit": "200"}),
        (".webm", {"cluster_time_limit": "200"}),
        (".avi", {}),
    ],
    ids=["mp4", "mov", "fragments", "flv", "mkv", "webm", "avi"],
)
def test_a_video_that_ends_early_gives_the_frames_that_are_there(
    tmp_path: Path, suffix: str, options: dict[str, str]
) -> None:
    picture = Image.effect_noise((96, 64), 90).convert("RGB")  # so that the file is more than its header
    video = write_video(tmp_path / f"film{suffix}", picture, 40, options=options)
    assert read(video) == (40, "")
    frames, why = read(cut(video, 0.7))
    assert 10 < frames < 36
    assert why.startswith("ends early, ")
    assert why.endswith(" % of it could be read: copy it again")


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".avi"])
def test_damage_in_the_middle_is_said_and_what_can_be_decoded_is_given(tmp_path: Path, suffix: str) -> None:
    picture = Image.effect_noise((96, 64), 90).convert("RGB")
    video = write_video(tmp_path / f"film{suffix}", picture, 40)
    data = bytearray(video.read_bytes())
    for place in range(len(data) * 4 // 10, len(data) * 6 // 10):
        data[place] = 0xFF
    video.write_bytes(data)
    frames, why = read(video)
    assert 20 <= frames < 40
    assert why.startswith(("damaged, ", "ends early, "))


@pytest.mark.parametrize("size", [(16_000, 9000), (8000, 5000)])
def test_frames_that_are_too_large_are_refused_before_they_are_decoded(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    video = tmp_path / "film.y4m"
    video.write_bytes(f"YUV4MPEG2 W{width} H{height} F10:1 C420jpeg\nFRAME\n".encode() + bytes(100_000))
    assert read(video) == (0, f"{width}×{height} pixels need too much memory: save a smaller video")


@pytest.mark.parametrize("width", [30_000, 60_000])
def test_frames_whose_size_only_the_decoder_knows_are_refused_too(tmp_path: Path, width: int) -> None:
    video = tmp_path / "film.mjpeg"
    video.write_bytes(3 * announcing(encoded(quarters()), width, 30_000))
    assert read(video) == (0, "its frames are damaged or have more than 36,000,000 pixels: save a smaller video")


def test_a_frame_that_grows_too_large_is_left_out(tmp_path: Path) -> None:
    small, large = (64, 64), (8000, 5000)
    assert large[0] * large[1] > MAX_PIXELS
    video = write_jpegs(tmp_path / "film.mjpeg", small, small, large, small)
    assert read(video) == (3, "damaged, 3 of 4 frames could be read: copy it again")


def test_a_video_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    assert read(write_video(tmp_path / "film.mp4"), patience_s=-1) == (
        0,
        "no frame for -1 s: save it as MP4 (H.264)",
    )


def test_frames_do_not_pile_up_in_memory(tmp_path: Path) -> None:
    video = write_video(tmp_path / "film.mp4", quarters(1280, 720), frames=60)  # 80 MB, decoded
    frames = read_video(video)
    next(frames)
    gc.disable()
    try:
        before = resident_memory()
        for _ in frames:
            assert resident_memory() < before + 40 * 2**20
    finally:
        gc.enable()


@pytest.mark.parametrize("name", [b"12:30.mp4", b"caf\xe9.mp4", b"concat:a|b.mp4", b"-i.mp4", b"a\nb.mp4"])
def test_any_name_can_be_read(tmp_path: Path, name: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    video = write_video(tmp_path / "film.mp4").rename(os.fsdecode(name))
    assert read(Path(video.name)) == (20, "")


def test_texts_in_the_header_that_are_no_utf8_do_not_matter(tmp_path: Path) -> None:
    video = write_video(tmp_path / "film.mp4")
    changed(video, b"VideoHandler", b"Vid\xe9oHandler")
    assert read(video) == (20, "")


def test_a_list_of_other_files_is_not_followed(tmp_path: Path) -> None:
    video = write_video(tmp_path / "film.mp4")
    (tmp_path / "list.mp4").write_text(f"#EXTM3U\n#EXTINF:2,\n{video}\n#EXT-X-ENDLIST\n")
    assert read(tmp_path / "list.mp4") == (0, "a text, not a video")


def test_damaged_videos_raise_nothing_but_their_error_in_bounded_memory_and_time() -> None:
    """`SIGHTSTREAM_FUZZ_VIDEOS=2000` reads so many."""
    command = [sys.executable, "-m", "tests.fakes.mutated_videos", str(MANY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert done.stderr == ""  # what decoders would write
    told = json.loads(done.stdout)
    assert sum(told["said"].values()) == told["videos"] == MANY
    assert told["frames"] > MANY
    assert told["peak_memory"] < 2**30
    assert told["slowest_s"] < 30
