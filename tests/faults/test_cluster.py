"""A cluster loses any one of its processes: every session is served again soon, and no frame is counted twice.

``SIGHTSTREAM_CLUSTER_FAULTS=all`` tries every fault of ``sightstream drill --brokers 3``.
"""

import asyncio
import os

import pytest

from infra.loadtest.faults.case import run_in_turn
from infra.loadtest.faults.cases import CLUSTER_FAULTS, KILLS, Size, run_cases, stack_of
from infra.loadtest.faults.report import FaultReport

pytestmark = pytest.mark.broker

MODEL = "efficientnet_lite0"
SIZE = Size(brokers=3, workers=2, gateways=2)
ALL = os.environ.get("SIGHTSTREAM_CLUSTER_FAULTS") == "all"
CASES = CLUSTER_FAULTS if ALL else KILLS


async def kill_in_turn() -> list[FaultReport]:
    async with stack_of(MODEL, SIZE, print) as stack:
        return await run_in_turn(stack, KILLS, sessions=8, fps=3.0)


@pytest.fixture(scope="module")
def reports() -> dict[str, FaultReport]:
    found = asyncio.run(run_cases(MODEL, CASES, SIZE, progress=print) if ALL else kill_in_turn())
    return {each.fault: each for each in found}


@pytest.mark.parametrize("fault", [each.name for each in CASES])
def test_every_session_is_served_again_in_time(reports: dict[str, FaultReport], fault: str) -> None:
    assert reports[fault].problems() == []


def test_the_frame_counts_agree_after_all_kills_and_no_answer_came_twice(reports: dict[str, FaultReport]) -> None:
    last = reports[CASES[-1].name]
    assert last.answered > 20 * last.sessions
    assert last.sent == last.answered + sum(last.dropped.values()) + last.expired
    assert last.problems() == []  # with the counts of all sessions in client, topic and table
