"""Measures how one session that sends far too much slows down sessions that send little."""

import statistics
from collections.abc import Sequence

from infra.client.client import Client
from infra.client.frame_counts import FrameCounts, latency, total
from infra.loadtest.overload import MARGIN, SESSIONS, ratios
from infra.loadtest.scenario import Report, Scenario, answered_per_second

ROUNDS = 5
QUIET_SESSIONS = 15
QUIET_LOAD = 0.25  # the rate of a quiet session, as a part of its fair share of the capacity


async def flood(scenario: Scenario) -> Report:
    """Quiet sessions, alternately alone and beside one that sends as fast as it may and ignores its credits.

    The rate of the quiet sessions follows from the capacity, which is measured before each round because a machine's
    speed drifts.
    """
    await scenario.run(scenario.clients(SESSIONS), 5)
    capacity: list[float] = []
    alone: list[FrameCounts] = []
    beside: list[FrameCounts] = []
    flooding: list[Client] = []
    part = scenario.seconds / ROUNDS
    for number in range(1, ROUNDS + 1):
        scenario.progress(f"round {number} of {ROUNDS}")
        capacity.append(await answered_per_second(scenario, scenario.clients(SESSIONS), part / 2))
        fps = QUIET_LOAD * fair_share(capacity[-1])
        for flooded in (number % 2 == 0, number % 2 == 1):
            quiet = scenario.clients(QUIET_SESSIONS, fps=fps)
            extra = scenario.clients(int(flooded), fps=scenario.stack.settings.max_fps * MARGIN, heeds_credits=False)
            await scenario.run([*quiet, *extra], part)
            (beside if flooded else alone).append(total([each.counts for each in quiet]))
            flooding += extra
    counts = total([each.counts for each in flooding])
    return {
        "capacity_fps": round(statistics.median(capacity), 1),
        "quiet_fps": round(QUIET_LOAD * fair_share(statistics.median(capacity)), 2),
        "quiet_alone_ms": latency(total(alone).round_trips),
        "quiet_beside_flood_ms": latency(total(beside).round_trips),
        "p99_ratio": ratios(p99s(beside), p99s(alone)),
        "flood": {
            "sent": counts.sent,
            "answered": counts.answered,
            "dropped": dict(counts.dropped),
            "answered_over_share": round(
                counts.answered / scenario.seconds / fair_share(statistics.mean(capacity)), 2
            ),
        },
    }


def fair_share(capacity: float) -> float:
    """The equal share of each session, the flooding one included, in frames a second."""
    return capacity / (QUIET_SESSIONS + 1)


def p99s(rounds: Sequence[FrameCounts]) -> list[float]:
    """Each round's 99th percentile of the round trips, in milliseconds. A round must have an answer."""
    found = [latency(each.round_trips)["p99"] for each in rounds]
    assert all(found), "a round without an answer has no latency"
    return [ms for ms in found if ms]
