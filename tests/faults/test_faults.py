"""Every known fault on a real stack: streaming recovers by itself, and clients, topic and table count the same."""

import asyncio

import pytest

from infra.commands.drill import on_a_stack
from infra.loadtest.chaos import ONE_WORKER, TWO_WORKERS, FaultCase, Outcome

pytestmark = pytest.mark.broker

RECOVERY_S = 60.0  # a wide limit; `sightstream drill` measures the real times


def run(workers: int, cases: tuple[FaultCase, ...]) -> dict[str, Outcome]:
    outcomes = asyncio.run(on_a_stack("efficientnet_lite0", workers, list(cases)))
    return {each.fault: each for each in outcomes}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    return run(1, ONE_WORKER) | run(2, TWO_WORKERS)


@pytest.mark.parametrize("fault", [each.name for each in (*ONE_WORKER, *TWO_WORKERS)])
def test_after_a_fault_every_session_is_served_and_the_frame_counts_agree(
    outcomes: dict[str, Outcome], fault: str
) -> None:
    outcome = outcomes[fault]
    assert outcome.recovery_s < RECOVERY_S
    assert outcome.sent == outcome.answered + sum(outcome.dropped.values()) + outcome.expired
    assert outcome.differences == []
    assert outcome.sockets_left == 0
