"""Small videos that the tests make."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image

FPS = 10
_CODECS = {  # and pixel formats, by suffix; others are H.264
    ".avi": ("mpeg4", "yuv420p"),
    ".3gp": ("mpeg4", "yuv420p"),
    ".mpg": ("mpeg2video", "yuv420p"),
    ".mjpeg": ("mjpeg", "yuvj420p"),
    ".webm": ("libvpx", "yuv420p"),
    ".wmv": ("wmv2", "yuv420p"),
    ".y4m": ("wrapped_avframe", "yuv420p"),
}
CONTAINERS = (".mp4", ".m4v", ".mov", ".mkv", ".flv", ".ts", *_CODECS)


def quarters(width: int = 96, height: int = 64) -> Image.Image:
    """A picture that is red, green, blue and white, from its upper left to its lower right quarter."""
    picture = Image.new("RGB", (width, height), "white")
    picture.paste((255, 0, 0), (0, 0, width // 2, height // 2))
    picture.paste((0, 255, 0), (width // 2, 0, width, height // 2))
    picture.paste((0, 0, 255), (0, height // 2, width // 2, height))
    return picture


def write_video(
    path: Path,
    picture: Image.Image | None = None,
    frames: int = 20,
    *,
    matrix: tuple[int, int, int, int] | None = None,
    pixel_aspect: Fraction | None = None,
    pixels: str = "",
    options: dict[str, str] | None = None,
) -> Path:
    """Writes the same picture `frames` times, at 10 frames a second. `options` are those of FFmpeg's container.

    `pixels` is a pixel format of FFmpeg, for another than the usual one.

    `matrix` has the numbers a, b, c and d of a display matrix: a pixel at (x, y) is shown at (ax + cy, bx + dy).
    """
    picture = picture or quarters()
    codec, usual = _CODECS.get(path.suffix, ("libx264", "yuv420p"))
    with av.open(str(path), "w", options=options or {}) as container:
        stream: Any = container.add_stream(codec, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, pixels or usual
        stream.codec_context.gop_size = 5
        if pixel_aspect:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if matrix:
            a, b, c, d = (number << 16 for number in matrix)
            stream.set_display_matrix((a, b, 0, c, d, 0, 0, 0, 1 << 30))
        for number in range(frames):
            frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_sound(path: Path, cover: Image.Image | None = None) -> Path:
    """Writes half a second of silence, with a cover picture or without."""
    with av.open(str(path), "w") as container:
        sound: Any = container.add_stream("aac", rate=44100)
        picture: Any = container.add_stream("mjpeg") if cover else None
        if picture and cover:
            picture.width, picture.height, picture.pix_fmt = *cover.size, "yuvj420p"
            picture.disposition = av.stream.Disposition.attached_pic
            frame = av.VideoFrame.from_image(cover)  # type: ignore[no-untyped-call]
            container.mux(picture.encode(frame))
            container.mux(picture.encode())
        for number in range(22):
            silence: Any = av.AudioFrame(format="fltp", layout="mono", samples=1024)
            for plane in silence.planes:
                plane.update(bytes(plane.buffer_size))
            silence.sample_rate, silence.pts = 44100, 1024 * number
            container.mux(sound.encode(silence))
        container.mux(sound.encode())
    return path
