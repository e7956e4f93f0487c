"""A report of a fault that broke no promise, with the fields that a test names."""

from typing import Any

from infra.loadtest.faults.report import FaultReport
from streams.contract.outcomes import Outcome


def fault_report(**fields: Any) -> FaultReport:
    return FaultReport(
        **{
            "fault": "a fault",
            "sessions": 4,
            "silence_s": 2.5,
            "all_silent_s": 0.9,
            "recovery_s": 1.7,
            "limit_s": 10.0,
            "sent": 100,
            "answered": 68,
            "dropped": {Outcome.STALE: 8, Outcome.SUPERSEDED: 2},
            "expired": 22,
            "answered_twice": 0,
            "twice_in_topic": 3,
            "differences": [],
            "sockets_left": 0,
            **fields,
        }
    )
