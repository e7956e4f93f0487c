"""A fault on a running stack: sessions stream while something breaks, until all of them are served again."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from infra.client.client import Client
from infra.client.frame_counts import total
from infra.client.media_source import MediaFrame
from infra.loadtest.faults.browsers import open_sockets
from infra.loadtest.faults.report import FaultReport, longest_silence
from infra.loadtest.faults.wholeness import until_whole
from infra.loadtest.reconcile import lasting_differences, read_topic, repeated_answers
from infra.loadtest.sample_frames import endless_samples
from infra.loadtest.stack_under_test import wait_until
from infra.local.stack import Stack
from streams.contract.clock import now_ms
from streams.contract.topics import PREDICTIONS
from web.messages import Labels

WARM_ANSWERS = 3
PATIENCE_S = 90.0
AFTER_S = 1.5
SOCKETS_CLOSE_S = 15.0

Fault = Callable[[Stack], Awaitable[None]]  # returns when the fault is over
Preparation = Callable[[Stack], AbstractAsyncContextManager[Sequence[str]]]


@asynccontextmanager
async def the_stack_alone(stack: Stack) -> AsyncIterator[Sequence[str]]:
    """Starts nothing else; yields the addresses that browsers connect to."""
    yield stack.websockets


@dataclass(frozen=True, slots=True)
class FaultCase:
    """A fault, its name, and the sessions that stream meanwhile: their number, rate and clock.

    ``limit_s`` is the longest time in which a session may have no labels, None where no promise is given.
    ``preparation`` is what must be there before: it yields the addresses that the sessions connect to, in turn.
    """

    name: str
    fault: Fault
    sessions: int = 4
    fps: float = 8.0
    clock_ms: Callable[[], float] = now_ms
    limit_s: float | None = None
    preparation: Preparation = the_stack_alone

    async def run(self, stack: Stack) -> FaultReport:
        """Try the fault on ``stack``."""
        try:
            await until_whole(stack, PATIENCE_S)
            async with self.preparation(stack) as urls:
                places = [number % len(urls) for number in range(self.sessions)]
                sessions = [StreamingSession([*urls[place:], *urls[:place]], self) for place in places]
                async with streaming(sessions, self.fps):
                    course = await self._course(stack, sessions)
        except TimeoutError as error:
            return FaultReport(self.name, self.sessions, failure=f"it could not be tried: {error}")
        counts = {each.client.session: each.client.counts for each in sessions}
        whole = total(list(counts.values()))
        predictions = [each async for each in read_topic(stack.settings, PREDICTIONS)]
        return FaultReport(
            fault=self.name,
            sessions=self.sessions,
            silence_s=max(longest_silence(each.answers, course.begin, course.end) for each in sessions),
            all_silent_s=longest_silence([at for each in sessions for at in each.answers], course.begin, course.end),
            recovery_s=course.recovery_s,
            limit_s=self.limit_s,
            sent=whole.sent,
            answered=whole.answered,
            dropped=dict(whole.dropped),
            expired=whole.expired,
            answered_twice=sum(each.client.repeated for each in sessions),
            twice_in_topic=repeated_answers(predictions, counts.keys()),
            differences=await lasting_differences(stack.settings, counts),
            sockets_left=await sockets_left(stack),
            failure=course.failure,
        )

    async def _course(self, stack: Stack, sessions: "Sequence[StreamingSession]") -> "Course":
        course = Course()
        try:
            await until_served(sessions, WARM_ANSWERS)
            course.begin = time.monotonic()
            await self.fault(stack)
            over = time.monotonic()
            await until_served(sessions, since=over)
            course.recovery_s = time.monotonic() - over
            await until_whole(stack, PATIENCE_S)
            await until_served(sessions, since=time.monotonic())
            await asyncio.sleep(AFTER_S)
        except TimeoutError as error:
            course.failure = str(error) or "the fault did not end"
        course.end = time.monotonic()
        return course


@dataclass(slots=True)
class Course:
    """When a fault began and its observation ended, by the monotonic clock, and what came of it."""

    begin: float = field(default_factory=time.monotonic)
    end: float = 0.0
    recovery_s: float | None = None
    failure: str = ""


class StreamingSession:
    """A client, and by the monotonic clock when it got answers.

    ``served_since``: when the newest frame that is answered was sent.
    """

    def __init__(self, urls: Sequence[str], case: FaultCase) -> None:
        self.answers: list[float] = []
        self.served_since = 0.0
        self.client = Client(
            urls[0],
            endless_samples,
            fallbacks=urls[1:],
            fps=case.fps,
            patience_s=PATIENCE_S,
            clock_ms=case.clock_ms,
            on_answer=self._note,
        )

    def _note(self, _: MediaFrame, __: Labels, round_trip_ms: float) -> None:
        now = time.monotonic()
        self.answers.append(now)
        self.served_since = max(self.served_since, now - round_trip_ms / 1000)


@asynccontextmanager
async def streaming(sessions: Sequence[StreamingSession], fps: float) -> AsyncIterator[None]:
    """The sessions send, evenly spread, while the block runs; they have their last answers at its end."""
    async with asyncio.TaskGroup() as tasks:
        for number, each in enumerate(sessions):
            tasks.create_task(each.client.run_after(number / len(sessions) / fps))
        yield
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


async def sockets_left(stack: Stack) -> int:
    """How many sockets the gateways still have when they have had time to close them."""
    end = time.monotonic() + SOCKETS_CLOSE_S
    while (left := await open_sockets(stack)) and time.monotonic() < end:
        await asyncio.sleep(0.1)
    return left
