"""What one session that sends all it can does to sessions that send little, measured."""

import statistics
from collections.abc import Sequence
from typing import Any

from infra.client.client import Client
from infra.client.frame_counts import FrameCounts, latency, total
from infra.loadtest.overload import SESSIONS, over
from infra.loadtest.scenario import Scenario, answered_per_second

ROUNDS = 5
QUIET = 15  # sessions
QUIETLY = 0.25  # of the share that each session would have: so much a quiet one sends
MARGIN = 0.95  # of the rate that a session may send at: the flood is not cut off for it


async def flood(trial: Scenario) -> dict[str, Any]:
    """Quiet sessions alone, and beside one that sends as fast as it may and heeds no credits, in turn.

    What quiet is follows from what the stack answers, measured before each round, since a machine's pace drifts.
    """
    await trial.run(trial.clients(SESSIONS), 5)
    capacities: list[float] = []
    alone: list[FrameCounts] = []
    beside: list[FrameCounts] = []
    floods: list[Client] = []
    part = trial.seconds / ROUNDS
    for number in range(1, ROUNDS + 1):
        trial.say(f"round {number} of {ROUNDS}")
        capacities.append(await answered_per_second(trial, trial.clients(SESSIONS), part / 2))
        fps = QUIETLY * capacities[-1] / (QUIET + 1)
        for flooded in (number % 2 == 0, number % 2 == 1):
            quiet = trial.clients(QUIET, fps=fps)
            rude = trial.clients(1, fps=trial.stack.settings.max_fps * MARGIN, heeds_credits=False)
            flooding = rude if flooded else []
            await trial.run([*quiet, *flooding], part)
            (beside if flooded else alone).append(total([each.counts for each in quiet]))
            floods += flooding
    account = total([each.counts for each in floods])
    share = statistics.mean(capacities) / (QUIET + 1)
    return {
        "capacity_fps": round(statistics.median(capacities), 1),
        "quiet_fps": round(QUIETLY * statistics.median(capacities) / (QUIET + 1), 2),
        "quiet_alone_ms": latency(total(alone).round_trips),
        "quiet_beside_flood_ms": latency(total(beside).round_trips),
        "p99_ratio": over(p99s(beside), p99s(alone)),
        "flood": {
            "sent": account.sent,
            "answered": account.answered,
            "dropped": dict(account.dropped),
            "answered_over_share": round(account.answered / trial.seconds / share, 2),
        },
    }


def p99s(rounds: Sequence[FrameCounts]) -> list[float]:
    """Each round's 99th percentile of the round trips, in milliseconds."""
    found = [latency(each.round_trips)["p99"] for each in rounds]
    assert all(found), "a round without an answer has no latency"
    return [ms for ms in found if ms]
