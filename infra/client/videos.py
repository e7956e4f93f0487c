"""The frames of videos as a browser shows them: upright, and with square pixels.

FFmpeg decodes them. Memory and time depend on the size of a video's frames, not on its length.
"""

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.sidedata.sidedata import SideDataContainer, Type
from av.stream import Disposition
from PIL import Image

from infra.client.video_file import SAVE, BadVideo, WatchedFile, check_kind
from models.picture_folder import counted
from models.pictures.kinds import HEAD, SENTENCES, is_video
from models.pictures.pixels import upright

MAX_PIXELS = 36_000_000  # of a frame; 8K is 8192 × 4352 pixels
LONGEST_WAIT_S = 20.0  # for one frame
WHOLE = 0.9  # a video of which less can be read ends early

_OPTIONS = {"max_pixels": str(MAX_PIXELS), "protocol_whitelist": "none"}  # no other file or address is opened
# FFmpeg's formats, by their first names, whose header says how long the video is. Of others, FFmpeg only guesses it.
_WITH_DURATION = {"mov", "matroska", "avi", "flv", "asf"}
# The EXIF orientation that a display matrix stands for, by the signs of its numbers a, b, c and d: a pixel at (x, y)
# is shown at (ax + cy, bx + dy) (ISO/IEC 14496-12, section 6.2.2).
_ORIENTATIONS = {
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, 1, -1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, -1, 1, 0): 8,
}
_BROKEN = SENTENCES["damaged"].format(kind="video")


def read_video(path: Path, patience_s: float = LONGEST_WAIT_S) -> Iterator[Image.Image]:
    """The frames of a video, in order, RGB.

    Raises OSError when the file cannot be opened, and BadVideo when it cannot be read, or gives no frame for
    `patience_s` seconds. BadVideo also comes after the frames that could be read, when others are missing.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
        check_kind(head)
        file.seek(0)
        watched = WatchedFile(file, patience_s)
        try:
            container = av.open(watched, "r", options=_OPTIONS, metadata_errors="replace")
        except (av.FFmpegError, OSError, ValueError) as error:
            watched.check()
            raise BadVideo(_BROKEN if is_video(head) else f"not a video of a known kind: {SAVE}") from error
        with container:
            for picture in _Decoding(container, watched).pictures():
                yield picture
                watched.start_waiting()


class _Decoding:
    """One pass through an open video, and how much of it could be decoded. Making it raises BadVideo."""

    def __init__(self, container: Any, file: WatchedFile) -> None:
        self.container = container
        self.file = file
        self.stream = _video_stream(container)
        self.frames = 0
        self.errors = 0
        self.end_s = 0.0  # of what was read
        self.orientation = 1  # of EXIF

    def pictures(self) -> Iterator[Image.Image]:
        """The frames, upright. Where frames are missing, BadVideo is raised after the last one that could be read."""
        for packet in self._packets():
            self.file.check()
            if packet and not self.frames and packet.has_sidedata("encryption_info"):
                raise BadVideo("encrypted: save it without copy protection")
            try:
                for frame in self.stream.decode(packet):
                    self.orientation = _orientation(frame) or self.orientation  # not every frame repeats it
                    picture = upright(_square_pixels(frame, self.stream.sample_aspect_ratio), self.orientation)
                    if not self.frames:
                        self.errors = 0  # a recording may begin anywhere
                    self.frames += 1
                    yield picture
            except (av.FFmpegError, ValueError):
                self.errors += 1
        self.file.check()
        self._check_whole()

    def _packets(self) -> Iterator[Any]:
        """The packets of the video stream, and None at the end. Where the file cannot be understood, it ends."""
        try:
            for packet in self.container.demux():
                ours = packet.stream_index == self.stream.index
                start = packet.dts if packet.pts is None else packet.pts
                if start is not None and (ours or self.stream.duration is None):
                    self.end_s = max(self.end_s, float((start + (packet.duration or 0)) * packet.time_base))
                if ours and packet.size:
                    yield packet
        except (av.FFmpegError, OSError):
            self.errors += 1
        yield None

    def _check_whole(self) -> None:
        """Raises BadVideo when frames are missing."""
        if not self.frames:
            if not self.errors:
                raise BadVideo(_BROKEN)
            if not self.stream.codec_context.width:  # FFmpeg does not say the size that it refuses
                raise BadVideo(
                    f"its frames are damaged or have more than {MAX_PIXELS:,} pixels: save a smaller video"
                )
            raise BadVideo(f"none of its frames can be decoded: {SAVE}")
        if (share := self._share()) < WHOLE:
            raise BadVideo(f"ends early, {share * 100:.0f} % of it could be read: copy it again")
        if self.errors:
            everything = self.frames + self.errors
            raise BadVideo(f"damaged, {self.frames} of {counted(everything, 'frame')} could be read: copy it again")

    def _share(self) -> float:
        """The share that was read of what the header announces: of the frames or of the time, whichever is more.

        Each of the two may be wrong: a trimmed video has more frames than it shows, and its duration may be a guess.
        """
        stream, container = self.stream, self.container
        shares = [self.frames / stream.frames] if stream.frames else []
        if container.format.name.split(",")[0] in _WITH_DURATION:
            clock = stream if stream.duration is not None else container
            unit = stream.time_base if clock is stream else Fraction(1, 1_000_000)
            start_s, duration_s = (clock.start_time or 0) * unit, (clock.duration or 0) * unit
            if duration_s > 0:
                shares.append((self.end_s - float(start_s)) / float(duration_s))
        return max(0.0, *shares) if shares else 1.0


def _video_stream(container: Any) -> Any:
    """The stream to decode: the first that is no cover picture. Raises BadVideo."""
    streams = [each for each in container.streams.video if not each.disposition & Disposition.attached_pic]
    if not streams:
        raise BadVideo("no video stream in it: choose another file")
    codec = streams[0].codec_context
    if codec is None:
        raise BadVideo(f"its codec is not known here: {SAVE}")
    if codec.width * codec.height > MAX_PIXELS:
        raise BadVideo(f"{codec.width}×{codec.height} pixels need too much memory: save a smaller video")
    codec.options = _OPTIONS
    return streams[0]


def _square_pixels(frame: Any, pixel_aspect: Fraction | None) -> Image.Image:
    """The frame with square pixels, RGB. No side is made longer: a header may announce pixels of any shape."""
    width, height = frame.width, frame.height
    if pixel_aspect and pixel_aspect < 1:
        width = max(1, round(width * pixel_aspect))
    elif pixel_aspect:
        height = max(1, round(height / pixel_aspect))
    picture: Image.Image = frame.to_image(width=width, height=height)
    return picture


def _orientation(frame: Any) -> int | None:
    """The EXIF orientation (1 to 8) that the frame's display matrix stands for, or None if it has none."""
    # `frame.side_data` would make a cycle, and the frames would wait for the garbage collector
    side_data = SideDataContainer(frame)  # type: ignore[call-arg]
    for place in range(len(side_data)):
        if (data := side_data[place]).type == Type.DISPLAYMATRIX:
            a, b, _, c, d = struct.unpack_from("=5i", bytes(data))
            if abs(a) + abs(d) < abs(b) + abs(c):
                a = d = 0
            else:
                b = c = 0
            signs = tuple((number > 0) - (number < 0) for number in (a, b, c, d))
            return _ORIENTATIONS.get(signs, 1)
    return None
