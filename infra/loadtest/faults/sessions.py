"""Sessions that stream through faults, and when they got answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from infra.client.client import Client
from infra.client.media_source import MediaFrame
from infra.loadtest.sample_frames import endless_samples
from infra.loadtest.stack_under_test import wait_until
from streams.contract.clock import now_ms
from web.messages import Labels

PATIENCE_S = 90.0


class StreamingSession:
    """A client, and by the monotonic clock when it got answers.

    ``served_since``: when the newest frame that is answered was sent.
    """

    def __init__(self, urls: Sequence[str], fps: float, clock_ms: Callable[[], float]) -> None:
        self.answers: list[float] = []
        self.served_since = 0.0
        self.client = Client(
            urls[0],
            endless_samples,
            fallbacks=urls[1:],
            fps=fps,
            patience_s=PATIENCE_S,
            clock_ms=clock_ms,
            on_answer=self._note,
        )

    def _note(self, _: MediaFrame, __: Labels, round_trip_ms: float) -> None:
        now = time.monotonic()
        self.answers.append(now)
        self.served_since = max(self.served_since, now - round_trip_ms / 1000)


@asynccontextmanager
async def streaming(
    urls: Sequence[str], number: int, fps: float, clock_ms: Callable[[], float] = now_ms
) -> AsyncIterator[list[StreamingSession]]:
    """Sessions that send, evenly spread, while the block runs; they have their last answers at its end.

    They connect to ``urls`` in turn, and each goes on at the next one when its connection is lost.
    """
    places = [place % len(urls) for place in range(number)]
    sessions = [StreamingSession([*urls[place:], *urls[:place]], fps, clock_ms) for place in places]
    async with asyncio.TaskGroup() as tasks:
        for place, each in enumerate(sessions):
            tasks.create_task(each.client.run_after(place / number / fps))
        yield sessions
        for each in sessions:
            each.client.finish()


async def until_served(sessions: Sequence[StreamingSession], answers: int = 1, *, since: float = 0.0) -> None:
    """Wait until each session has so many answers, and one of them for a frame sent after ``since``.

    Raises:
        TimeoutError: this takes more than 90 seconds.
    """

    def served(session: StreamingSession) -> bool:
        return len(session.answers) >= answers and session.served_since > since

    try:
        await wait_until(lambda: all(map(served, sessions)), PATIENCE_S)
    except TimeoutError as error:
        left = len([each for each in sessions if not served(each)])
        raise TimeoutError(f"{left} of {len(sessions)} sessions get no labels for {PATIENCE_S:.0f} s") from error
