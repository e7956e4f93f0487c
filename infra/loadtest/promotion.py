"""A promotion and its rollback under load: is a frame lost, and how much slower are the answers meanwhile?"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from infra.client.client import Client
from infra.client.frame_counts import FrameCounts, latency, total
from infra.client.media_source import MediaFrame
from infra.loadtest.sample_frames import endless_samples
from infra.loadtest.stack_under_test import Progress, settings_under_test, started, wait_until
from models.bundle import Bundle
from models.registry import Registry
from streams.contract.outcomes import Outcome
from web.messages import Labels

WARM_UP_S = 8.0
SWAP_WITHIN_S = 180.0  # the engine first converts the network, at low priority
LOST = (Outcome.FAILED, Outcome.UNKNOWN_MODEL)  # drops that are not caused by load

PartFigures = dict[str, float | None]  # seconds, answered, and the percentiles of the round trip in milliseconds


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a frame: when it came, by the monotonic clock, and which version gave it."""

    at: float
    round_trip_ms: float
    version: str


@dataclass(slots=True)
class AnswerLog:
    """All answers, and when each part of the rehearsal began, by the monotonic clock."""

    answers: list[Answer] = field(default_factory=list)
    parts: dict[str, float] = field(default_factory=dict)

    def note(self, _: MediaFrame, message: Labels, round_trip_ms: float) -> None:
        """Add a client's answer."""
        self.answers.append(Answer(time.monotonic(), round_trip_ms, message.version))

    def begin(self, part: str) -> None:
        """Answers count for ``part`` from now on."""
        self.parts[part] = time.monotonic()

    def figures(self) -> dict[str, PartFigures]:
        """The figures of each part. Answers before the first part count nowhere."""
        starts = [*self.parts.values(), time.monotonic()]
        found: dict[str, PartFigures] = {}
        for part, (start, end) in zip(self.parts, pairwise(starts), strict=True):
            trips = [each.round_trip_ms for each in self.answers if start <= each.at < end]
            found[part] = {"seconds": round(end - start, 1), "answered": len(trips), **latency(trips)}
        return found


@dataclass(frozen=True, slots=True)
class RehearsalReport:
    """The result of a rehearsal; the field names are the keys of ``sightstream rehearse --json``."""

    model: str
    promoted: str  # the version
    sent: int
    answered: int
    dropped: dict[str, int]
    expired: int
    lost: int
    versions: dict[str, int]  # answers by version
    parts: dict[str, PartFigures]
    p99_over_before: dict[str, float]


async def rehearse_promotion(
    bundle: Path, model: str, *, sessions: int, fps: float | None, seconds: float, progress: Progress
) -> RehearsalReport:
    """Promote ``bundle`` as ``model`` on a stack of its own while ``sessions`` sessions stream, and roll it back.

    Args:
        bundle: its folder.
        fps: frames a second of each session, or None for as many as its credits allow.
        seconds: how long each part is in which nothing is swapped.

    Raises the errors of ``Bundle.open`` and ``Registry.add``.
    """
    version = Bundle.open(bundle).version
    async with started(settings_under_test(model), progress=progress) as stack:
        registry = Registry(stack.settings.registry)
        registry.add(bundle, model)
        log = AnswerLog()
        clients = [Client(stack.websocket, endless_samples, fps=fps, on_answer=log.note) for _ in range(sessions)]
        running = asyncio.gather(*(each.run() for each in clients))
        await promote_and_roll_back(registry, model, version, log, seconds, progress)
        for each in clients:
            each.finish()
        await running
    counts = total([each.counts for each in clients])
    parts = log.figures()
    return RehearsalReport(
        model,
        version,
        counts.sent,
        counts.answered,
        dict(counts.dropped),
        counts.expired,
        lost_frames(counts),
        dict(Counter(each.version for each in log.answers)),
        parts,
        p99_over_before(parts),
    )


async def promote_and_roll_back(
    registry: Registry, model: str, version: str, log: AnswerLog, seconds: float, progress: Progress
) -> None:
    """The parts of a rehearsal one after the other, each noted in ``log``. The clients must be running."""

    def begin(part: str) -> None:
        progress(part)
        log.begin(part)

    async def swap(part: str, act: Callable[[], object], is_new: Callable[[str], bool]) -> None:
        begin(part)
        act()
        await wait_until(lambda: is_new(log.answers[-1].version), SWAP_WITHIN_S)
        await asyncio.sleep(1)  # the new version's first second belongs to the swap
        begin(f"after {part}")
        await asyncio.sleep(seconds)

    progress("warming up")
    await asyncio.sleep(WARM_UP_S)
    begin("before")
    await asyncio.sleep(seconds)
    await swap("promotion", lambda: registry.promote(model, version), lambda newest: newest == version)
    await swap("rollback", lambda: registry.rollback(model), lambda newest: newest != version)


def lost_frames(counts: FrameCounts) -> int:
    """Frames that expired, failed, or have no outcome at all. A frame that is dropped because of load is not lost."""
    without_outcome = counts.sent - counts.answered - counts.dropped.total() - counts.expired
    return counts.expired + sum(counts.dropped[reason] for reason in LOST) + without_outcome


def p99_over_before(parts: dict[str, PartFigures]) -> dict[str, float]:
    """The p99 of each later part that has one, over that of the part "before"."""
    before = parts["before"]["p99"]
    return {
        part: round(figures["p99"] / before, 2)
        for part, figures in parts.items()
        if part != "before" and before and figures["p99"]
    }
