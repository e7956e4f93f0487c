"""What a gateway answers to the pages that show a report, and how it fails."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from playwright.sync_api import BrowserContext, Page, Route

from streams.contract.messages import ServedModel, WorkerStatus
from tests.fakes.statistics import session_stats
from web.views.ops_report import Load, OperationsReport, worker_summary
from web.views.stats_report import Freshness, SessionHere, session_report

SILENT = "silent"
STOPPED = "stopped"


class Reports:
    """Answers a page's requests for reports. ``fault`` is SILENT, STOPPED, a status of HTTP, or None."""

    def __init__(self, page: Page, report: Callable[[], dict[str, Any]]) -> None:
        self.page = page
        self.report = report
        self.fault: str | int | None = None
        page.route("**/api/**", self.answer)

    def answer(self, route: Route) -> None:
        if self.fault is None:
            route.fulfill(json=self.report())
        elif isinstance(self.fault, int):
            route.fulfill(status=self.fault, json={})
        elif self.fault == STOPPED:
            route.abort("connectionrefused")

    @classmethod
    @contextmanager
    def of(cls, context: BrowserContext, address: str, report: Callable[[], dict[str, Any]]) -> "Iterator[Reports]":
        """The page at ``address``, in which no script may fail."""
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if "Security Policy" in line.text else None)
        reports = cls(page, report)
        page.goto(address)
        yield reports
        assert errors == []


def statistics(
    *,
    frames: int = 90,
    answered: float = 0.2,
    read: float | None = 0.2,
    worker: float | None = 1.0,
    here: bool = True,
    connected: bool = True,
    received_at: float | None = None,
    answered_at: float | None = None,
    unanswered: int = 0,
) -> dict[str, Any]:
    """The report of a session of ``frames`` frames whose last answer was counted ``answered`` seconds ago.

    Other times are in seconds before now, too. ``received_at`` and ``answered_at`` are those of the session here.
    """
    now = time.time() * 1000
    last = answered if frames else None
    freshness = Freshness(
        read_at=moment(now, read),
        worker_at=moment(now, worker),
        here=SessionHere(
            connected=connected,
            received_at=moment(now, last if received_at is None else received_at),
            answered_at=moment(now, last if answered_at is None else answered_at),
            unanswered=unanswered,
        )
        if here
        else None,
    )
    stats = session_stats("abc", "tabby", frames, now - answered * 1000)
    report: dict[str, Any] = msgspec.to_builtins(session_report(stats, now, freshness))
    return report


def operations(
    *, ready: bool = True, tested: float | None = 1.0, read: float | None = 0.2, **silent: float
) -> dict[str, Any]:
    """The report of a gateway whose last self-test came back ``tested`` seconds ago.

    Kafka was heard ``read`` seconds ago, and each worker so many seconds ago as its name has in ``silent``.
    """
    now = time.time() * 1000
    models = [ServedModel("net", "1", 224, "openvino", "bf16")]
    statuses = [WorkerStatus(worker=name, at=now - ago * 1000, models=models) for name, ago in silent.items()]
    report: dict[str, Any] = msgspec.to_builtins(
        OperationsReport(
            now=now,
            gateway="host-1",
            ready=ready,
            canary_ms=None if tested is None else 12.5,
            canary_at=moment(now, tested),
            read_at=moment(now, read),
            own_partitions=[0, 2],
            read_partitions=[0, 2],
            load=Load(sockets=1, sessions=1, unanswered=2, cpus=2, load_average=[0.5, 0.4, 0.3]),
            received=1234,
            answered=1200,
            expired=4,
            rejected=0,
            drops=[],
            models=[],
            workers=[worker_summary(each, now) for each in statuses],
            sessions=[],
            more_sessions=0,
        )
    )
    return report


def moment(now: float, seconds: float | None) -> float | None:
    """So many seconds before ``now``, which is in milliseconds."""
    return None if seconds is None else now - seconds * 1000
