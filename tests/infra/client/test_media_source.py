"""Pictures, folders and videos become square JPEG frames."""

import asyncio
import os
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from infra.client.media_source import MediaFrame, MediaSource, UnansweredFrames, media_files
from models.images import read_ahead
from models.networks import View
from tests.fakes.browser.camera_file import colour_card, is_near, pixel, write_camera_file
from tests.fakes.pictures import scene
from tests.fakes.videos import write_video

SIZE = 64


def present_view() -> View:
    return View(SIZE, crop=0.8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, a video of three frames, and files that are neither."""
    (tmp_path / "inner").mkdir()
    scene().save(tmp_path / "b.png")
    scene().save(tmp_path / "inner" / "a.jpg")
    write_camera_file(tmp_path / "film.mjpeg", colour_card(160, 120), frames=3)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "broken.jpg").write_bytes(b"no picture either")
    return tmp_path


async def names(source: MediaSource, first: int = 0) -> list[str]:
    return [each.path.name async for each in source.frames(present_view, first=first)]


def test_folders_are_searched_for_pictures_and_videos_and_files_taken_as_they_are(folder: Path) -> None:
    found = media_files([folder, folder / "notes.txt"])
    assert [each.name for each in found] == ["b.png", "broken.jpg", "film.mjpeg", "a.jpg", "notes.txt"]


def test_what_is_left_out_of_a_folder_is_said(folder: Path) -> None:
    said: list[str] = []
    media_files([folder], said.append)
    assert said == [f"{folder}: other files, left out: 1 (notes.txt)"]


async def test_a_picture_gives_one_square_jpeg_and_a_video_all_its_frames(folder: Path) -> None:
    source = MediaSource([folder / "b.png", folder / "film.mjpeg"])
    frames = [each async for each in source.frames(present_view)]
    assert [each.path.name for each in frames] == ["b.png"] + 3 * ["film.mjpeg"]
    for each in frames:
        with Image.open(BytesIO(each.jpeg)) as picture:
            assert (picture.format, picture.size) == ("JPEG", (SIZE, SIZE))


@pytest.mark.parametrize("name", ["b.png", "film.mjpeg"])
async def test_each_frame_is_cut_as_the_view_says_by_then(folder: Path, name: str) -> None:
    """A black picture with a white middle, of half its side."""
    picture = Image.new("RGB", (96, 64))
    picture.paste("white", (32, 16, 64, 48))
    picture.save(folder / "b.png")
    write_camera_file(folder / "film.mjpeg", picture, frames=2)
    views = iter([View(SIZE, 1.0), View(SIZE, 1.0), View(32, 0.5), View(32, 0.5), View(32, 0.5)])
    sent = MediaSource([folder / name]).frames(lambda: next(views), loop=True)
    whole, middle = [await anext(sent) for _ in range(3)][::2]
    corners = []
    for frame, size in ((whole, SIZE), (middle, 32)):
        with Image.open(BytesIO(frame.jpeg)) as image:
            assert image.size == (size, size)
            corners.append(pixel(image, 3, 3))
    assert is_near(corners[0], (0, 0, 0))
    assert is_near(corners[1], (255, 255, 255))


async def test_frames_begin_with_any_path_and_go_round(folder: Path) -> None:
    source = MediaSource([folder / "b.png", folder / "inner" / "a.jpg"])
    assert await names(source, first=1) == ["a.jpg", "b.png"]
    assert await names(source, first=2) == ["b.png", "a.jpg"]


async def test_in_a_loop_each_picture_is_encoded_once(folder: Path) -> None:
    endless = MediaSource([folder / "b.png", folder / "inner" / "a.jpg"]).frames(present_view, loop=True)
    frames = [await anext(endless) for _ in range(5)]
    assert [each.path.name for each in frames] == ["b.png", "a.jpg"] * 2 + ["b.png"]
    assert frames[0] is frames[2] is frames[4]


async def test_what_cannot_be_read_is_named_and_the_rest_is_sent(folder: Path) -> None:
    source = MediaSource([folder / "broken.jpg", folder / "gone.mp4", folder / "b.png"])
    assert await names(source) == ["b.png"]
    assert source.unreadable.keys() == {folder / "broken.jpg", folder / "gone.mp4"}
    assert all(str(path) in why for path, why in source.unreadable.items())


async def test_a_broken_video_among_pictures_is_named_and_the_pictures_are_sent(folder: Path) -> None:
    (folder / "film.mp4").write_bytes(b"hello" * 100)
    source = MediaSource([folder / "b.png", folder / "film.mp4", folder / "inner" / "a.jpg"])
    assert await names(source) == ["b.png", "a.jpg"]
    assert [*source.unreadable.values()] == [f"{folder / 'film.mp4'}: a text, not a video"]


async def test_the_words_for_a_picture_are_those_of_classify_and_train(folder: Path) -> None:
    (folder / "empty.jpg").touch()
    (folder / "half.png").write_bytes((folder / "b.png").read_bytes()[:500])
    (folder / "page.jpg").write_text("<!DOCTYPE html>")
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    paths = [*(folder / name for name in ("empty.jpg", "half.png", "page.jpg", "phone.heic", "gone.jpg")), folder]
    source = MediaSource([*paths, folder / "b.png"])
    assert await names(source) == ["b.png"]
    for path, words in zip(paths, read_ahead(paths, present_view()), strict=True):
        assert source.unreadable[path] == f"{path}: {words}"


async def test_the_frames_before_the_damage_are_sent_and_the_video_is_named(folder: Path) -> None:
    picture = Image.effect_noise((96, 64), 90).convert("RGB")
    film = write_video(folder / "film.mp4", picture, 40, options={"movflags": "faststart"})
    os.truncate(film, film.stat().st_size * 7 // 10)
    source = MediaSource([film, folder / "b.png"])
    sent = await names(source)
    assert 10 < sent.count("film.mp4") < 40
    assert sent[-1] == "b.png"
    assert "ends early" in source.unreadable[film]


async def test_a_video_is_a_video_whatever_its_name(folder: Path) -> None:
    film = write_video(folder / "film.mp4", frames=3).rename(folder / "film.jpg")
    assert await names(MediaSource([film])) == 3 * ["film.jpg"]


async def test_a_picture_is_a_picture_whatever_its_name(folder: Path) -> None:
    picture = (folder / "b.png").rename(folder / "b.mp4")
    assert await names(MediaSource([picture])) == ["b.mp4"]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
async def test_of_an_animated_picture_the_first_frame_is_sent(tmp_path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving", kind, save_all=True, append_images=frames[1:])
    (frame,) = [each async for each in MediaSource([tmp_path / "moving"]).frames(present_view)]
    with Image.open(BytesIO(frame.jpeg)) as picture:
        assert is_near(pixel(picture, 32, 32), (255, 0, 0))


async def test_a_pipe_is_refused_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "film.mp4")
    source = MediaSource([tmp_path / "film.mp4"])
    assert await names(source) == []
    assert "not a file" in source.unreadable[tmp_path / "film.mp4"]


@pytest.mark.parametrize("loop", [False, True])
async def test_without_anything_that_can_be_read_there_are_no_frames(folder: Path, loop: bool) -> None:
    for paths in ([], [folder / "broken.jpg", folder / "gone.mp4"]):
        assert [each async for each in MediaSource(paths).frames(present_view, loop=loop)] == []


async def test_a_shared_frame_is_sent_until_it_is_answered_once(folder: Path) -> None:
    first, second = folder / "b.png", folder / "inner" / "a.jpg"
    shared = UnansweredFrames(MediaSource([first, folder / "broken.jpg", second]))
    one, other = shared.frames(present_view), shared.frames(present_view)
    frames = [await anext(one), await anext(other)]
    assert [each.path for each in frames] == [first, second]
    shared.done()
    shared.dropped(frames[1])
    assert await anext(one) is frames[1]
    waiting = asyncio.create_task(anext(other, None))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    shared.done()
    assert await waiting is None
    assert await anext(one, None) is None


async def test_the_frames_of_a_video_are_shared(folder: Path) -> None:
    shared = UnansweredFrames(MediaSource([folder / "film.mjpeg"]))
    sent: list[MediaFrame] = []

    async def session() -> None:
        async for frame in shared.frames(present_view):
            sent.append(frame)
            if len(sent) == 1:
                shared.dropped(frame)
            else:
                shared.done()

    await asyncio.gather(session(), session())
    assert len(sent) == 4
