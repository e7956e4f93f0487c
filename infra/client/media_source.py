"""The frames that a client without a browser sends: square JPEGs from pictures, folders of pictures, and videos."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from models.images import BadFrame, Picture, in_words, to_frame
from models.picture_folder import look_into, shown

# JPEG qualities. A picture is sent once. At quality 98, 198 (EfficientNet-Lite0) and 200 (Lite2) of 200 photographs
# get the label that they get without the JPEG in between; at quality 95, 196 of both.
PICTURE_QUALITY = 98
VIDEO_QUALITY = 90


VideoReader = Callable[[Path, int], Iterator["MediaFrame"]]  # a path and a size in pixels to frames


class NothingToSend(ValueError):
    """The paths hold no picture and no video that can be read."""


@dataclass(frozen=True, slots=True)
class MediaFrame:
    """One JPEG frame to send, and the picture or video it is from."""

    path: Path
    jpeg: bytes


def media_files(paths: Sequence[Path], say: Callable[[str], object] = lambda remark: None) -> list[Path]:
    """All files among ``paths``, and the pictures and videos in the folders among them, sorted, at any depth.

    ``say`` gets what was left out of a folder, as sentences. Raises OSError when a folder cannot be looked into.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            listing = look_into(path, VIDEOS)
            found += listing.files
            for remark in listing.remarks():
                say(f"{shown(path)}: {remark}")
        else:
            found.append(path)
    return found


class MediaSource:
    """The frames of ``paths``. Each picture is cropped and encoded once for each input size.

    ``unreadable`` has, by path, the reason why something was not sent.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self.unreadable: dict[Path, str] = {}
        self._pictures: dict[tuple[Path, int], MediaFrame] = {}

    async def frames(self, size: int, *, first: int = 0, loop: bool = False) -> AsyncIterator[MediaFrame]:
        """Square frames of ``size`` pixels from the path at index ``first`` on, once through all paths or for ever.

        Raises:
            NothingToSend: none of the paths can be read.
        """
        first %= len(self.paths)
        while True:
            for path in self.paths[first:] + self.paths[:first]:
                if reader := VIDEOS.get(path.suffix.lower()):
                    async for frame in self._video(reader, path, size):
                        yield frame
                elif picture := await self.picture(path, size):
                    yield picture
            if len(self.unreadable) == len(self.paths):
                raise NothingToSend("; ".join(self.unreadable.values()))
            if not loop:
                return

    async def picture(self, path: Path, size: int) -> MediaFrame | None:
        """The frame of a picture, or None if it cannot be read."""
        if (path, size) not in self._pictures and path not in self.unreadable:
            try:
                jpeg = await asyncio.to_thread(to_frame, path, size, PICTURE_QUALITY)
                self._pictures[path, size] = MediaFrame(path, jpeg)
            except (BadFrame, OSError) as error:
                self.unreadable[path] = f"{shown(path)}: {in_words(error)}"
        return self._pictures.get((path, size))

    async def _video(self, reader: VideoReader, path: Path, size: int) -> AsyncIterator[MediaFrame]:
        frames = reader(path, size)
        try:
            while frame := await asyncio.to_thread(next, frames, None):
                yield frame
        except OSError as error:  # PyAV's errors are OSErrors too
            self.unreadable[path] = f"{path}: {error}"


class UnansweredPictures:
    """Pictures that several sessions share: each is sent until it is answered once."""

    def __init__(self, source: MediaSource) -> None:
        self.source = source
        self._to_send = deque(source.paths)
        self._unanswered = set(source.paths)
        self._changed = asyncio.Event()

    async def frames(self, size: int) -> AsyncIterator[MediaFrame]:
        """Frames for one session, until every picture is answered."""
        while self._unanswered:
            if not self._to_send:
                self._changed.clear()
                await self._changed.wait()
                continue
            path = self._to_send.popleft()
            if frame := await self.source.picture(path, size):
                yield frame
            else:
                self.answered(path)

    def answered(self, path: Path) -> None:
        """``path`` needs no more sending."""
        self._unanswered.discard(path)
        self._changed.set()

    def dropped(self, path: Path) -> None:
        """``path`` must be sent again."""
        self._to_send.append(path)
        self._changed.set()


def video_frame(picture: Picture, size: int) -> bytes:
    """A JPEG like those of the webcam page: its best quality, and the halved colour of a browser's canvas."""
    return to_frame(picture, size, VIDEO_QUALITY, subsampling="4:2:0")


def read_video(path: Path, size: int) -> Iterator[MediaFrame]:
    """The frames of a video, in order.

    Raises:
        OSError: the file is no video that can be read.
    """
    import av

    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
            yield MediaFrame(path, video_frame(picture, size))


# how the frames of a video are read, by the suffix of its file
VIDEOS: dict[str, VideoReader] = dict.fromkeys(
    (".mp4", ".mkv", ".webm", ".mov", ".avi", ".mjpeg", ".y4m"), read_video
)
