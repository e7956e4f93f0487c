"""A cluster loses any one of its processes: every session is served again soon, and no frame is counted twice.

``SIGHTSTREAM_CLUSTER_FAULTS=all`` tries every fault of ``sightstream drill --brokers 3``.
"""

import asyncio
import os

import pytest

from infra.loadtest.faults.cases import CLUSTER_FAULTS, KILLS, Size, run_cases
from infra.loadtest.faults.report import FaultReport

pytestmark = pytest.mark.broker

CASES = CLUSTER_FAULTS if os.environ.get("SIGHTSTREAM_CLUSTER_FAULTS") == "all" else KILLS


@pytest.fixture(scope="module")
def reports() -> dict[str, FaultReport]:
    found = asyncio.run(run_cases("efficientnet_lite0", CASES, Size(3, 2, 2), progress=print))
    return {each.fault: each for each in found}


@pytest.mark.parametrize("fault", [each.name for each in CASES])
def test_every_session_is_served_again_in_time_no_answer_comes_twice_and_the_frame_counts_agree(
    reports: dict[str, FaultReport], fault: str
) -> None:
    report = reports[fault]
    assert report.problems() == []
    assert report.answered > report.sessions
    assert report.sent == report.answered + sum(report.dropped.values()) + report.expired
