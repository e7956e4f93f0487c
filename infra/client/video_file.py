"""Video files: which files are videos, and reading them with patience, but not for ever."""

import time
from pathlib import Path
from typing import BinaryIO

from models.picture_folder import MOTION_JPEG, VIDEO_SUFFIXES
from models.pictures.errors import BadFrame, in_words
from models.pictures.kinds import HEAD, SENTENCES, is_picture, is_video, kind_of, refusal

SAVE = "save it as MP4 (H.264)"  # what to do with most videos that cannot be read
_MAY_BE_VIDEO = ("video", "sound", "JPEG")  # some videos begin like a sound file


class BadVideo(BadFrame):
    """A video that cannot be read, or not all of it."""


def is_video_file(path: Path) -> bool:
    """Whether a file is a video, by its first bytes or else by its suffix. Raises BadFrame and OSError."""
    if path.exists() and not path.is_file() and not path.is_dir():  # opening a pipe could wait for ever
        raise BadFrame("not a file: give a picture, a video or a folder")
    with path.open("rb") as file:
        head = file.read(HEAD)
    suffix = path.suffix.lower()
    if is_picture(head):
        return suffix in MOTION_JPEG and _kind_name(head) == "JPEG"
    return is_video(head) or suffix in VIDEO_SUFFIXES


def check_kind(head: bytes) -> None:
    """Raises BadVideo for a file that is known to be neither a picture nor a video."""
    if _kind_name(head) not in _MAY_BE_VIDEO and (why := refusal(head)) != SENTENCES["unknown"]:
        raise BadVideo(why.replace("picture", "video"))


def _kind_name(head: bytes) -> str:
    kind = kind_of(head)
    return kind.name if kind else ""


class WatchedFile:
    """A file that FFmpeg reads. It ends early when no frame comes for a long time, and when it cannot be read.

    It has no name, since FFmpeg takes names like "12:30.mp4" for addresses.
    """

    def __init__(self, file: BinaryIO, patience_s: float) -> None:
        self.file = file
        self.tell = file.tell
        self.patience_s = patience_s
        self.problem: BadVideo | None = None
        self.start_waiting()

    def start_waiting(self) -> None:
        """The next frame may take the whole time."""
        self.until = time.monotonic() + self.patience_s

    def seek(self, offset: int, whence: int = 0) -> int:
        """The new place in the file, or -1: a damaged video may refer to any place."""
        try:
            return self.file.seek(offset, whence)
        except (OSError, ValueError):
            return -1

    def read(self, size: int) -> bytes:
        """The next bytes. Raises nothing, since PyAV would only print it: `check` does."""
        try:
            self.check()
            return self.file.read(size)
        except OSError as error:
            self.problem = BadVideo(in_words(error))
        except BadVideo as error:
            self.problem = error
        return b""

    def check(self) -> None:
        """Raises BadVideo when the time is over or the file could not be read."""
        if self.problem:
            raise self.problem
        if time.monotonic() > self.until:
            raise BadVideo(f"no frame for {self.patience_s:g} s: {SAVE}")
