"""Every known fault on a real stack: streaming recovers by itself, and clients, topic and table count the same."""

import asyncio

import pytest

from infra.loadtest.faults.cases import ONE_WORKER, Size, run_cases
from infra.loadtest.faults.report import FaultReport

pytestmark = pytest.mark.broker

RECOVERY_S = 60.0  # a wide limit; `sightstream drill` measures the real times


@pytest.fixture(scope="module")
def reports() -> dict[str, FaultReport]:
    found = asyncio.run(run_cases("efficientnet_lite0", ONE_WORKER, Size(), progress=print))
    return {each.fault: each for each in found}


@pytest.mark.parametrize("fault", [each.name for each in ONE_WORKER])
def test_after_a_fault_every_session_is_served_and_the_frame_counts_agree(
    reports: dict[str, FaultReport], fault: str
) -> None:
    report = reports[fault]
    assert report.problems() == []
    assert report.recovery_s is not None
    assert report.recovery_s < RECOVERY_S
    assert report.sent == report.answered + sum(report.dropped.values()) + report.expired
