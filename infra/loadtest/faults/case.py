"""A fault on a running stack: sessions stream while something breaks, until all of them are served again."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

from infra.client.client import Refused
from infra.client.frame_counts import total
from infra.loadtest.faults.browsers import open_sockets
from infra.loadtest.faults.report import FaultReport, longest_silence
from infra.loadtest.faults.sessions import StreamingSession, streaming, until_served
from infra.loadtest.faults.wholeness import until_whole
from infra.loadtest.reconcile import lasting_differences, read_topic, repeated_answers
from infra.local.stack import Stack
from streams.contract.clock import now_ms
from streams.contract.topics import PREDICTIONS

WARM_ANSWERS = 3
PATIENCE_S = 90.0
AFTER_S = 1.0
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
        """Try the fault on ``stack``, with sessions of its own."""
        try:
            await until_whole(stack, PATIENCE_S)
            async with (
                self.preparation(stack) as urls,
                streaming(urls, self.sessions, self.fps, self.clock_ms) as sessions,
            ):
                report = await self.observe(stack, sessions)
        except TimeoutError as error:
            return FaultReport(self.name, self.sessions, failure=f"it could not be tried: {error}")
        except ExceptionGroup as group:
            if not (refused := group.subgroup(Refused)):
                raise
            return FaultReport(self.name, self.sessions, failure=f"a session was refused: {refused.exceptions[0]}")
        return await with_counts(report, stack, sessions)

    async def observe(self, stack: Stack, sessions: Sequence[StreamingSession]) -> FaultReport:
        """Try the fault while ``sessions`` stream. The report has no counts of frames, which are still under way."""
        begin, recovery_s, failure = time.monotonic(), None, ""
        try:
            await until_served(sessions, WARM_ANSWERS)
            begin = time.monotonic()
            await self.fault(stack)
            over = time.monotonic()
            await until_served(sessions, since=over)
            recovery_s = time.monotonic() - over
            await until_whole(stack, PATIENCE_S)
            await until_served(sessions, since=time.monotonic())
            await asyncio.sleep(AFTER_S)
        except TimeoutError as error:
            failure = str(error) or "the fault did not end"
        end = time.monotonic()
        return FaultReport(
            self.name,
            len(sessions),
            silence_s=max(longest_silence(each.answers, begin, end) for each in sessions),
            all_silent_s=longest_silence([at for each in sessions for at in each.answers], begin, end),
            recovery_s=recovery_s,
            limit_s=self.limit_s,
            failure=failure,
        )


async def run_in_turn(stack: Stack, cases: Sequence[FaultCase], sessions: int, fps: float) -> list[FaultReport]:
    """Try faults one after the other while the same sessions stream; the last report has the counts of all frames.

    Raises:
        TimeoutError: the stack is not whole before the first one.
    """
    await until_whole(stack, PATIENCE_S)
    async with streaming(stack.websockets, sessions, fps) as streams:
        *others, last = [await each.observe(stack, streams) for each in cases]
    return [*others, await with_counts(last, stack, streams)]


async def with_counts(report: FaultReport, stack: Stack, sessions: Sequence[StreamingSession]) -> FaultReport:
    """The report with the frames of ``sessions``, which have ended, as they, the topic and the table count them."""
    counts = {each.client.session: each.client.counts for each in sessions}
    whole = total(list(counts.values()))
    predictions = [each async for each in read_topic(stack.settings, PREDICTIONS)]
    return replace(
        report,
        sent=whole.sent,
        answered=whole.answered,
        dropped=dict(whole.dropped),
        expired=whole.expired,
        answered_twice=sum(each.client.repeated for each in sessions),
        twice_in_topic=repeated_answers(predictions, counts.keys()),
        differences=await lasting_differences(stack.settings, counts),
        sockets_left=await sockets_left(stack),
    )


async def sockets_left(stack: Stack) -> int:
    """How many sockets the gateways still have when they have had time to close them."""
    end = time.monotonic() + SOCKETS_CLOSE_S
    while (left := await open_sockets(stack)) and time.monotonic() < end:
        await asyncio.sleep(0.1)
    return left
