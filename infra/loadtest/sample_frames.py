"""The sample pictures as the webcam page would send them, for clients that only make load."""

from collections.abc import AsyncIterator
from functools import cache
from itertools import count

from infra.client.media_source import MediaFrame, PresentView, video_frame
from models.networks import View
from web import SAMPLES


async def endless_samples(view: PresentView) -> AsyncIterator[MediaFrame]:
    """The sample pictures one after the other, for ever, as square JPEGs for the present ``view``."""
    for number in count():
        frames = samples(view())
        yield frames[number % len(frames)]


@cache
def samples(view: View) -> list[MediaFrame]:
    """Each sample picture as a square JPEG; encoded once for a view, since hundreds of clients send them."""
    return [MediaFrame(path, video_frame(path, view)) for path in sorted(SAMPLES.glob("*.jpg"))]
