"""Measures throughput, latency and frame counts while clients send far more frames than the stack can answer."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from infra.client.client import Client
from infra.client.frame_counts import latency, total
from infra.client.media_source import MediaFrame
from infra.loadtest.background_load import background_load
from infra.loadtest.sample_frames import samples
from infra.loadtest.scenario import Report, Scenario, answered_per_second

OFFERED = 10.2  # times the capacity; a little more than 10, because some frames cannot be sent on time
ROUNDS = 3
SESSIONS = 8  # that wait for their credits; enough to keep the engine busy
MARGIN = 0.95  # of the frames a second that a session may send, so that the rate limit drops none


@dataclass(slots=True)
class Rates:
    """Answered frames a second, one value for each round."""

    capacity: list[float] = field(default_factory=list)  # from clients that wait for their credits
    beside_load: list[float] = field(
        default_factory=list
    )  # the same, while another process takes an overload's bytes
    overload: list[float] = field(default_factory=list)


async def overload(scenario: Scenario) -> Report:
    """Offer ten times the capacity, from clients that ignore their credits.

    The clients share the cores with the stack, so sending and receiving the bytes alone slows the stack down. The
    capacity is therefore also measured beside a background load of as many bytes. Both capacities are measured
    before and after each overload, because a machine's speed drifts.
    """
    warm = scenario.clients(SESSIONS)
    await scenario.run(warm, 5)
    assert warm[0].view is not None
    frames = [frame.jpeg for frame in samples(warm[0].view)]
    capacity = total([each.counts for each in warm]).answered / 5
    rates = Rates()
    answers: list[tuple[float, float]] = []  # seconds since the overload began, round trip in milliseconds
    clients: list[Client] = []
    for number in range(1, ROUNDS + 1):
        scenario.progress(f"round {number} of {ROUNDS}")
        before = await capacities(scenario, capacity, frames)
        capacity = before[0]
        count = max(SESSIONS, round(OFFERED * capacity / (scenario.stack.settings.max_fps * MARGIN)) + 1)
        began = time.monotonic()

        def note(_: MediaFrame, __: object, round_trip_ms: float, began: float = began) -> None:
            answers.append((time.monotonic() - began, round_trip_ms))

        flood = scenario.clients(count, fps=OFFERED * capacity / count, heeds_credits=False, on_answer=note)
        rates.overload.append(await answered_per_second(scenario, flood, scenario.seconds))
        clients += flood
        after = await capacities(scenario, capacity, frames)
        rates.capacity.append((before[0] + after[0]) / 2)
        rates.beside_load.append((before[1] + after[1]) / 2)
    counts = total([each.counts for each in clients])
    capacity = statistics.median(rates.capacity)
    return {
        "capacity_fps": round(capacity, 1),
        "offered_over_capacity": round(counts.sent / (ROUNDS * scenario.seconds) / capacity, 1),
        "answered_over_capacity": ratios(rates.overload, rates.capacity),
        "answered_over_burdened": ratios(rates.overload, rates.beside_load),
        "burdened_over_capacity": ratios(rates.beside_load, rates.capacity),
        "latency_ms": latency([ms for _, ms in answers]),
        "p99_of_thirds_ms": p99_of_thirds(answers, scenario.seconds),
        "dropped": dict(counts.dropped),
        "expired": counts.expired,
        "books": await scenario.differences(clients),
    }


async def capacities(scenario: Scenario, capacity: float, frames: Sequence[bytes]) -> tuple[float, float]:
    """The stack's capacity in answered frames a second: alone, and beside the bytes of an overload."""
    seconds = scenario.seconds / 4
    alone = await answered_per_second(scenario, scenario.clients(SESSIONS), seconds)
    async with background_load(frames, sockets=SESSIONS, per_second=(OFFERED - 1) * capacity):
        return alone, await answered_per_second(scenario, scenario.clients(SESSIONS), seconds)


def p99_of_thirds(answers: Sequence[tuple[float, float]], seconds: float) -> list[float | None]:
    """The p99 of the round trips in each third of ``seconds``; answers are pairs of second and milliseconds."""
    third = seconds / 3
    return [
        latency([ms for at, ms in answers if part * third <= at < (part + 1) * third])["p99"] for part in range(3)
    ]


def ratios(values: Sequence[float], references: Sequence[float]) -> Report:
    """Each round's value over its reference, and the median of these ratios."""
    rounds = [round(value / reference, 3) for value, reference in zip(values, references, strict=True)]
    return {"median": statistics.median(rounds), "rounds": rounds}
