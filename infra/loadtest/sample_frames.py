"""The sample pictures as the webcam page would send them, for clients that only make load."""

from collections.abc import AsyncIterator
from functools import cache

from infra.client.media_source import Shot, video_frame
from web import SAMPLES


async def endless_samples(size: int) -> AsyncIterator[Shot]:
    """The sample pictures one after the other, for ever, as square JPEGs of ``size`` pixels."""
    while True:
        for shot in samples(size):
            yield shot


@cache
def samples(size: int) -> list[Shot]:
    """Each sample picture as a square JPEG of ``size`` pixels; encoded once, since hundreds of clients send them."""
    return [Shot(path, video_frame(path, size)) for path in sorted(SAMPLES.glob("*.jpg"))]
