"""Which files are videos, and how long a video is waited for."""

import io
from pathlib import Path

import pytest

from infra.client.video_file import BadVideo, WatchedFile, is_video_file


@pytest.mark.parametrize(
    ("name", "head", "video"),
    [
        ("film.MP4", b"no video", True),
        ("film.wmv", b"", True),
        ("film.jpg", b"\x1a\x45\xdf\xa3", True),
        ("film", b"\0\0\0\x18ftypmp42", True),
        ("film.mjpeg", b"\xff\xd8\xff\xe0", True),
        ("picture.gif", b"GIF89a", False),
        ("picture.mp4", b"GIF89a", False),
        ("picture.mov", b"\xff\xd8\xff\xe0", False),
        ("picture.mjpeg", b"\x89PNG\r\n\x1a\n", False),
        ("picture.jpg", b"no picture", False),
        ("picture", b"", False),
    ],
)
def test_first_bytes_or_else_the_name_say_that_a_file_is_a_video(
    tmp_path: Path, name: str, head: bytes, video: bool
) -> None:
    (tmp_path / name).write_bytes(head)
    assert is_video_file(tmp_path / name) is video


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        is_video_file(tmp_path / "film.mp4")


def test_a_file_ends_when_the_time_for_a_frame_is_over() -> None:
    file = WatchedFile(io.BytesIO(bytes(100)), patience_s=60)
    assert file.read(10) == bytes(10)
    file.until = 0
    assert file.read(10) == b""
    with pytest.raises(BadVideo, match="no frame for 60 s"):
        file.check()


class DamagedDisk(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(5, "Input/output error")


def test_a_file_ends_where_it_cannot_be_read() -> None:
    file = WatchedFile(DamagedDisk(), patience_s=60)
    assert file.read(10) == b""
    with pytest.raises(BadVideo, match="Input/output error"):
        file.check()
