"""What the stack promises when far more frames are offered than it can answer, measured."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.client.frame_counts import latency, total
from infra.client.media_source import MediaFrame
from infra.commands.bench import samples
from infra.loadtest.background_load import burden
from infra.loadtest.scenario import Scenario, answered_per_second
from web.messages import Labels

TIMES = 10.2  # as many frames as the stack answers: of those that cannot be sent when they are due, some are not
ROUNDS = 3
SESSIONS = 8  # that heed their credits and keep the engine busy
MARGIN = 0.95  # of the rate that a session may send at: these are not cut off for it


@dataclass(slots=True)
class Paces:
    """Answered frames a second, in each round."""

    credits_alone: list[float] = field(default_factory=list)
    burdened: list[float] = field(default_factory=list)  # the same, beside the bytes of the overload
    overload: list[float] = field(default_factory=list)


async def overload(trial: Scenario) -> dict[str, Any]:
    """Ten times as many frames as can be answered, from clients that heed no credits.

    Load and stack share the cores, so that even frames that nobody looks at cost the stack some of its pace: what it
    reaches beside those is measured too. Both are measured before and after each overload, since a machine's pace
    drifts.
    """
    warm = trial.clients(SESSIONS)
    await trial.run(warm, 5)
    assert warm[0].served is not None
    frames = [shot.jpeg for shot in samples(warm[0].served.input_size)]
    capacity = total([each.counts for each in warm]).answered / 5
    paces = Paces()
    answers: list[tuple[float, float]] = []  # seconds since the overload began, milliseconds that it took
    floods = []
    for number in range(1, ROUNDS + 1):
        trial.say(f"round {number} of {ROUNDS}")
        before = await unhurried(trial, capacity, frames)
        capacity = before[0]
        count = max(SESSIONS, round(TIMES * capacity / (trial.stack.settings.max_fps * MARGIN)) + 1)
        began = time.monotonic()

        def note(_: MediaFrame, __: Labels, ms: float, began: float = began) -> None:
            answers.append((time.monotonic() - began, ms))

        flood = trial.clients(count, fps=TIMES * capacity / count, heeds_credits=False, on_answer=note)
        paces.overload.append(await answered_per_second(trial, flood, trial.seconds))
        floods += flood
        after = await unhurried(trial, capacity, frames)
        paces.credits_alone.append((before[0] + after[0]) / 2)
        paces.burdened.append((before[1] + after[1]) / 2)
    third = trial.seconds / 3
    thirds = [[ms for at, ms in answers if part * third <= at < (part + 1) * third] for part in range(3)]
    account = total([each.counts for each in floods])
    capacity = statistics.median(paces.credits_alone)
    return {
        "capacity_fps": round(capacity, 1),
        "offered_over_capacity": round(account.sent / (ROUNDS * trial.seconds) / capacity, 1),
        "answered_over_capacity": over(paces.overload, paces.credits_alone),
        "answered_over_burdened": over(paces.overload, paces.burdened),
        "burdened_over_capacity": over(paces.burdened, paces.credits_alone),
        "latency_ms": latency([ms for _, ms in answers]),
        "p99_of_thirds_ms": [latency(part)["p99"] for part in thirds],
        "dropped": dict(account.dropped),
        "expired": account.expired,
        "books": await trial.books(floods),
    }


async def unhurried(trial: Scenario, capacity: float, frames: Sequence[bytes]) -> tuple[float, float]:
    """Answered frames a second of sessions that heed their credits: alone, and beside the bytes of an overload."""
    seconds = trial.seconds / 4
    alone = await answered_per_second(trial, trial.clients(SESSIONS), seconds)
    async with burden(frames, sockets=SESSIONS, per_second=(TIMES - 1) * capacity):
        return alone, await answered_per_second(trial, trial.clients(SESSIONS), seconds)


def over(some: Sequence[float], others: Sequence[float]) -> dict[str, Any]:
    """The rounds' ratios, and their median."""
    ratios = [round(one / other, 3) for one, other in zip(some, others, strict=True)]
    return {"median": statistics.median(ratios), "rounds": ratios}
