"""The sample pictures as the webcam page would send them, for clients that only make load."""

from collections.abc import AsyncIterator
from functools import cache

from infra.client.media_source import MediaFrame, video_frame
from web import SAMPLES


async def endless_samples(size: int) -> AsyncIterator[MediaFrame]:
    """The sample pictures one after the other, for ever, as square JPEGs of ``size`` pixels."""
    while True:
        for frame in samples(size):
            yield frame


@cache
def samples(size: int) -> list[MediaFrame]:
    """Each sample picture as a square JPEG of ``size`` pixels; encoded once, since hundreds of clients send them."""
    return [MediaFrame(path, video_frame(path, size)) for path in sorted(SAMPLES.glob("*.jpg"))]
