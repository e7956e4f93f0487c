"""Every known fault on a real stack: streaming recovers by itself, and clients, topic and table count the same."""

import asyncio

import pytest

from infra.loadtest.chaos import ONE_WORKER, TWO_WORKERS, FaultCase, FaultReport, run_cases

pytestmark = pytest.mark.broker

RECOVERY_S = 60.0  # a wide limit; `sightstream drill` measures the real times


def run(workers: int, cases: tuple[FaultCase, ...]) -> dict[str, FaultReport]:
    reports = asyncio.run(run_cases("efficientnet_lite0", cases, workers=workers, progress=print))
    return {each.fault: each for each in reports}


@pytest.fixture(scope="module")
def reports() -> dict[str, FaultReport]:
    return run(1, ONE_WORKER) | run(2, TWO_WORKERS)


@pytest.mark.parametrize("fault", [each.name for each in (*ONE_WORKER, *TWO_WORKERS)])
def test_after_a_fault_every_session_is_served_and_the_frame_counts_agree(
    reports: dict[str, FaultReport], fault: str
) -> None:
    report = reports[fault]
    assert report.recovery_s < RECOVERY_S
    assert report.sent == report.answered + sum(report.dropped.values()) + report.expired
    assert report.differences == []
    assert report.sockets_left == 0
