"""The frames that a client without a browser sends: square JPEGs from pictures, folders of pictures, and videos."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.client.video_file import is_video_file
from models.images import BadFrame, Picture, in_words, to_frame
from models.networks import View
from models.picture_folder import look_into, shown

# JPEG qualities. A picture is sent once. At quality 98, 198 (EfficientNet-Lite0) and 200 (Lite2) of 200 photographs
# get the label that they get without the JPEG in between; at quality 95, 196 of both.
PICTURE_QUALITY = 98
VIDEO_QUALITY = 90


PresentView = Callable[[], View]  # asked for each frame, since another model may answer by then


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
            listing = look_into(path, videos=True)
            found += listing.files
            for remark in listing.remarks():
                say(f"{shown(path)}: {remark}")
        else:
            found.append(path)
    return found


class MediaSource:
    """The frames of ``paths``. Each picture is cut and encoded once for each view.

    ``unreadable`` has, by path, the reason why something was not sent, also when it is a part of a video.
    ``not_reached`` has the paths that are still to be read.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self.unreadable: dict[Path, str] = {}
        self.not_reached = dict.fromkeys(paths)
        self._pictures: dict[tuple[Path, View], MediaFrame] = {}

    async def frames(self, view: PresentView, *, first: int = 0, loop: bool = False) -> AsyncIterator[MediaFrame]:
        """The frames from the path at index ``first`` on, once through all paths or for ever.

        It ends when there is nothing to send.
        """
        first %= max(1, len(self.paths))
        to_read = self.paths[first:] + self.paths[:first]
        while to_read:
            readable = []
            for path in to_read:
                frame = None
                async for frame in self._read(path, view):
                    yield frame
                if frame:
                    readable.append(path)
            to_read = readable if loop else []

    async def _read(self, path: Path, view: PresentView) -> AsyncIterator[MediaFrame]:
        self.not_reached.pop(path, None)
        now = view()
        if picture := self._pictures.get((path, now)):
            yield picture
            return
        try:
            if await asyncio.to_thread(is_video_file, path):
                from infra.client.videos import read_video

                frames = (video_frame(picture, view()) for picture in read_video(path))
                while jpeg := await asyncio.to_thread(next, frames, None):
                    yield MediaFrame(path, jpeg)
            else:
                jpeg = await asyncio.to_thread(to_frame, path, now, PICTURE_QUALITY)
                self._pictures[path, now] = MediaFrame(path, jpeg)
                yield self._pictures[path, now]
        except (BadFrame, OSError) as error:
            self.unreadable[path] = f"{shown(path)}: {in_words(error)}"


class UnansweredFrames:
    """Frames that several sessions share: each is sent until it is answered once."""

    def __init__(self, source: MediaSource) -> None:
        self.source = source
        self._new: AsyncIterator[MediaFrame] | None = None
        self._again: deque[MediaFrame] = deque()
        self._waiting = 0  # frames without an answer
        self._reading = asyncio.Lock()
        self._changed = asyncio.Event()

    async def frames(self, view: PresentView) -> AsyncIterator[MediaFrame]:
        """Frames for one session, until every frame is answered."""
        self._new = self._new or self.source.frames(view)
        while True:
            self._changed.clear()
            if self._again:
                yield self._again.popleft()
                continue
            async with self._reading:
                frame = await anext(self._new, None)
            if frame:
                self._waiting += 1
                yield frame
            elif self._waiting:
                await self._changed.wait()
            else:
                return

    def done(self) -> None:
        """A frame needs no more sending."""
        self._waiting -= 1
        self._changed.set()

    def dropped(self, frame: MediaFrame) -> None:
        """``frame`` must be sent again."""
        self._again.append(frame)
        self._changed.set()


def video_frame(picture: Picture, view: View) -> bytes:
    """A JPEG like those of the webcam page: its best quality, and the halved colour of a browser's canvas."""
    return to_frame(picture, view, VIDEO_QUALITY, subsampling="4:2:0")
