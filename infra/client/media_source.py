"""What a headless client sends: pictures, folders of them, and videos, as square JPEG frames."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from models.images import BadFrame, Picture, to_frame

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"}
VIDEOS = {".mp4", ".mkv", ".webm", ".mov", ".avi", ".mjpeg", ".y4m"}

# JPEG qualities. A still is sent once, and at 98 gets the label that it gets without the detour through a frame in
# 198 (EfficientNet-Lite0) and 200 (Lite2) of 200 photographs, at 95 in 196 of both.
STILL_QUALITY = 98
VIDEO_QUALITY = 90


class NothingToSend(ValueError):
    """The paths hold no picture and no video that can be read."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame to send, and the picture or video it is from."""

    path: Path
    jpeg: bytes


def expand(paths: Sequence[Path]) -> list[Path]:
    """The pictures and videos among ``paths``, folders searched through; files named outright are always taken."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(each for each in path.rglob("*") if each.suffix.lower() in PICTURES | VIDEOS)
        else:
            found.append(path)
    return found


class MediaSource:
    """The shots of ``paths``; pictures are cut and encoded once for each input size.

    ``unreadable`` tells, by path, why something could not be sent.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self.unreadable: dict[Path, str] = {}
        self._cut: dict[tuple[Path, int], Shot] = {}

    async def shots(self, size: int, *, first: int = 0, loop: bool = False) -> AsyncIterator[Shot]:
        """Square shots of ``size`` pixels, from the path at index ``first`` on, until the end or for ever.

        Raises:
            NothingToSend: not one of the paths can be read.
        """
        first %= len(self.paths)
        while True:
            for path in self.paths[first:] + self.paths[:first]:
                if path.suffix.lower() in VIDEOS:
                    async for shot in self._video(path, size):
                        yield shot
                elif still := await self.still(path, size):
                    yield still
            if len(self.unreadable) == len(self.paths):
                raise NothingToSend("; ".join(self.unreadable.values()))
            if not loop:
                return

    async def still(self, path: Path, size: int) -> Shot | None:
        """The shot of a picture, or None where it cannot be read."""
        if (path, size) not in self._cut and path not in self.unreadable:
            try:
                self._cut[path, size] = Shot(path, await asyncio.to_thread(to_frame, path, size, STILL_QUALITY))
            except (BadFrame, OSError) as error:
                self.unreadable[path] = f"{path}: {error}"
        return self._cut.get((path, size))

    async def _video(self, path: Path, size: int) -> AsyncIterator[Shot]:
        frames = video(path, size)
        try:
            while shot := await asyncio.to_thread(next, frames, None):
                yield shot
        except OSError as error:  # PyAV's errors are OSErrors too
            self.unreadable[path] = f"{path}: {error}"


class Errand:
    """Pictures that each go out until they are answered once, whichever session sends them."""

    def __init__(self, reel: MediaSource) -> None:
        self.reel = reel
        self._todo = deque(reel.paths)
        self._open = set(reel.paths)
        self._changed = asyncio.Event()

    async def shots(self, size: int) -> AsyncIterator[Shot]:
        """Shots for one session, until every picture has its answer."""
        while self._open:
            if not self._todo:
                self._changed.clear()
                await self._changed.wait()
                continue
            path = self._todo.popleft()
            if shot := await self.reel.still(path, size):
                yield shot
            else:
                self.answered(path)

    def answered(self, path: Path) -> None:
        """``path`` is done with."""
        self._open.discard(path)
        self._changed.set()

    def dropped(self, path: Path) -> None:
        """``path`` must be sent again."""
        self._todo.append(path)
        self._changed.set()


def video_frame(picture: Picture, size: int) -> bytes:
    """The JPEG that the webcam page sends: its best quality, and a browser's canvas halves the colour."""
    return to_frame(picture, size, VIDEO_QUALITY, subsampling="4:2:0")


def video(path: Path, size: int) -> Iterator[Shot]:
    """The frames of a video, one by one."""
    import av

    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
            yield Shot(path, video_frame(picture, size))
