"""Pictures, folders and videos become square JPEG frames."""

import asyncio
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from infra.client.media_source import MediaSource, NothingToSend, UnansweredPictures, media_files
from models.images import read_ahead
from tests.fakes.browser.camera_file import colour_card, write_camera_file
from tests.fakes.pictures import scene

SIZE = 64


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
    return [each.path.name async for each in source.frames(SIZE, first=first)]


def test_folders_are_searched_for_pictures_and_videos_and_files_taken_as_they_are(folder: Path) -> None:
    found = media_files([folder, folder / "notes.txt"])
    assert [each.name for each in found] == ["b.png", "broken.jpg", "film.mjpeg", "a.jpg", "notes.txt"]


def test_what_is_left_out_of_a_folder_is_said(folder: Path) -> None:
    said: list[str] = []
    media_files([folder], said.append)
    assert said == [f"{folder}: other files, left out: 1 (notes.txt)"]


async def test_a_picture_gives_one_square_jpeg_and_a_video_all_its_frames(folder: Path) -> None:
    source = MediaSource([folder / "b.png", folder / "film.mjpeg"])
    frames = [each async for each in source.frames(SIZE)]
    assert [each.path.name for each in frames] == ["b.png"] + 3 * ["film.mjpeg"]
    for each in frames:
        with Image.open(BytesIO(each.jpeg)) as picture:
            assert (picture.format, picture.size) == ("JPEG", (SIZE, SIZE))


async def test_frames_begin_with_any_path_and_go_round(folder: Path) -> None:
    source = MediaSource([folder / "b.png", folder / "inner" / "a.jpg"])
    assert await names(source, first=1) == ["a.jpg", "b.png"]
    assert await names(source, first=2) == ["b.png", "a.jpg"]


async def test_in_a_loop_each_picture_is_encoded_once(folder: Path) -> None:
    endless = MediaSource([folder / "b.png", folder / "inner" / "a.jpg"]).frames(SIZE, loop=True)
    frames = [await anext(endless) for _ in range(5)]
    assert [each.path.name for each in frames] == ["b.png", "a.jpg"] * 2 + ["b.png"]
    assert frames[0] is frames[2] is frames[4]


async def test_what_cannot_be_read_is_named_and_the_rest_is_sent(folder: Path) -> None:
    source = MediaSource([folder / "broken.jpg", folder / "gone.mp4", folder / "b.png"])
    assert await names(source) == ["b.png"]
    assert source.unreadable.keys() == {folder / "broken.jpg", folder / "gone.mp4"}
    assert all(str(path) in why for path, why in source.unreadable.items())


async def test_the_words_for_a_picture_are_those_of_classify_and_train(folder: Path) -> None:
    (folder / "empty.jpg").touch()
    (folder / "half.png").write_bytes((folder / "b.png").read_bytes()[:500])
    (folder / "page.jpg").write_text("<!DOCTYPE html>")
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    paths = [*(folder / name for name in ("empty.jpg", "half.png", "page.jpg", "phone.heic", "gone.jpg")), folder]
    source = MediaSource([*paths, folder / "b.png"])
    assert await names(source) == ["b.png"]
    for path, words in zip(paths, read_ahead(paths, SIZE), strict=True):
        assert source.unreadable[path] == f"{path}: {words}"


async def test_where_nothing_can_be_read_there_is_nothing_to_send(folder: Path) -> None:
    with pytest.raises(NothingToSend, match="broken"):
        await names(MediaSource([folder / "broken.jpg"]))


async def test_a_shared_picture_is_sent_until_it_is_answered_once(folder: Path) -> None:
    first, second = folder / "b.png", folder / "inner" / "a.jpg"
    pictures = UnansweredPictures(MediaSource([first, folder / "broken.jpg", second]))
    one, other = pictures.frames(SIZE), pictures.frames(SIZE)
    assert ((await anext(one)).path, (await anext(other)).path) == (first, second)
    pictures.answered(first)
    pictures.dropped(second)
    assert (await anext(one)).path == second
    waiting = asyncio.create_task(anext(other, None))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    pictures.answered(second)
    assert await waiting is None
    assert await anext(one, None) is None
