"""The statistics page and the operations view say within two seconds that their figures are not now, and why."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.page_driver import run
from tests.fakes.browser.gateway import FakeGateway
from tests.fakes.browser.reports import SILENT, STOPPED, Reports, operations, statistics

pytestmark = pytest.mark.browser

SAID_MS = 2000  # after the cause
BACK_MS = 1500  # after the first good answer
LIVE, READY = ("Live", ""), ("Ready", "")


@pytest.fixture
def stats(context: BrowserContext, gateway: FakeGateway) -> Iterator[Reports]:
    with Reports.of(context, f"{gateway.url}stats/abc", statistics) as reports:
        says(reports, LIVE)
        yield reports


@pytest.fixture
def ops(context: BrowserContext, gateway: FakeGateway) -> Iterator[Reports]:
    with Reports.of(context, f"{gateway.url}ops", lambda: operations(first=1.0, second=1.5)) as reports:
        says(reports, READY)
        yield reports


def says(reports: Reports, said: tuple[str, str], within_ms: int = 10_000) -> None:
    """Wait until the page says this title and this text, or a part of it."""
    title, text = said
    expect(reports.page.locator("#state")).to_have_text(title, timeout=within_ms)
    expect(reports.page.locator("#why")).to_contain_text(text, timeout=1)


def fades(page: Page) -> bool:
    """Whether the page's figures are shown as old ones."""
    return bool(page.evaluate("document.querySelector('.number').matches('.outdated *')"))


def both_say(stats: Reports, ops: Reports, said: list[tuple[str, str]], within_ms: int) -> None:
    end = time.monotonic() + within_ms / 1000
    for reports, each in zip((stats, ops), said, strict=True):
        says(reports, each, within_ms=max(1, int((end - time.monotonic()) * 1000)))


def test_both_pages_say_why_there_is_no_report_and_are_back_with_the_first(stats: Reports, ops: Reports) -> None:
    faults: list[tuple[str | int, bool, tuple[str, str]]] = [
        (STOPPED, True, ("Offline", "Your browser is offline.")),
        (STOPPED, False, ("Gateway stopped", "The gateway cannot be reached")),
        (SILENT, False, ("Gateway silent", "The gateway does not answer.")),
        (502, False, ("Gateway failed", "The gateway answers with error 502.")),
    ]
    for fault, offline, said in faults:
        stats.page.context.set_offline(offline)
        stats.fault = ops.fault = fault
        both_say(stats, ops, [said, said], SAID_MS)
        for reports in (stats, ops):
            assert fades(reports.page)
            expect(reports.page.locator("#as-of")).to_have_text(re.compile(r"These figures are from \d+ s ago\."))
        stats.page.context.set_offline(False)
        for reports in (stats, ops):
            with reports.page.expect_response(lambda response: response.ok):
                reports.fault = None
        both_say(stats, ops, [LIVE, READY], BACK_MS)
        assert not fades(stats.page) and not fades(ops.page)


@pytest.mark.parametrize(
    ("facts", "title"),
    [
        ({"age": None, "failure": None, "waited": 100}, "Loading…"),
        ({"age": None, "failure": None, "waited": 1600}, "Gateway silent"),
        ({"age": None, "failure": 503, "waited": 9000}, "Loading…"),
        ({"age": 60_000, "failure": None, "waited": 100}, "Loading…"),  # the page is visible again
        ({"age": 1400, "failure": SILENT, "waited": 9000}, None),
        ({"age": 1400, "failure": None, "waited": 9000, "online": False}, None),  # a gateway on this machine answers
    ],
    ids=str,
)
def test_a_page_that_begins_to_ask_is_patient(modules: Page, facts: dict[str, Any], title: str | None) -> None:
    state = run(modules, "shared/freshness.js", "(module, facts) => module.trouble(facts)", {"online": True, **facts})
    assert (state and state["title"]) == title


def test_the_statistics_say_that_labels_stop_and_that_the_session_is_forgotten(stats: Reports) -> None:
    last = time.time()
    stats.report = lambda: statistics(answered=time.time() - last, unanswered=2)
    says(stats, ("No labels", "Frames are sent, but the worker does not answer."), SAID_MS)
    assert fades(stats.page)
    stats.report = statistics
    says(stats, LIVE, BACK_MS)
    stats.fault = 404
    says(stats, ("Forgotten", "The gateway has no statistics of this session any more"), SAID_MS)
    assert fades(stats.page)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"answered": 1.2}, LIVE),
        ({"answered": 60.0, "answered_at": 0.5}, ("Not current", "the statistics do not count them yet")),
        ({"read": 3.0}, ("Not current", "Kafka does not answer")),
        ({"answered": 3.0, "unanswered": 1}, ("No labels", "the worker does not answer")),
        ({"answered": 9.0, "unanswered": 1, "worker": 8.0}, ("No worker", "no worker reports to the gateway")),
        ({"answered": 9.0, "unanswered": 1, "worker": None}, ("No worker", "no worker reports to the gateway")),
        ({"answered": 9.0}, ("Paused", "sends no frames")),
        ({"answered": 9.0, "connected": False}, ("Ended", "closed, or has lost its connection.")),
        ({"answered": 9.0, "here": False}, ("Ended", "or sends no frames")),
        ({"answered": 2.0, "here": False}, LIVE),
        ({"frames": 0}, ("Waiting", "has sent no frame yet")),
        ({"frames": 0, "received_at": 0.1, "answered_at": 0.1}, ("Waiting", "first figures come in a moment")),
    ],
    ids=str,
)
def test_the_statistics_know_why_they_are_not_now(
    modules: Page, facts: dict[str, Any], said: tuple[str, str]
) -> None:
    state = run(
        modules,
        "stats/state.js",
        "(module, report) => module.sessionState(report, 0, module.recentOutcomes(report, report))",
        statistics(**facts),
    )
    assert state["title"] == said[0]
    assert said[1] in state["text"]
    assert state.get("current", False) == (said == LIVE)


@pytest.mark.parametrize(
    ("lost", "answered", "said"),
    [
        ({"stale": 12}, 9.0, ("Too busy", "Most frames get no label: the model is too busy.")),
        ({"expired": 12}, 9.0, ("No labels", "Most frames get no label. Reason: no answer")),
        ({"stale": 80}, 0.2, ("Live", "Most frames get no label: the model is too busy.")),
        ({"too_large": 80}, 0.2, ("Live", "Most frames get no label. Reason: too large")),
        ({"stale": 1}, 0.2, LIVE),
    ],
)
def test_the_statistics_say_that_the_model_is_too_busy(
    modules: Page, lost: dict[str, int], answered: float, said: tuple[str, str]
) -> None:
    before, after = statistics(frames=20), statistics(answered=answered, unanswered=2)
    after["expired"] = lost.get("expired", 0)
    after["dropped"] = before["dropped"] | {each: number for each, number in lost.items() if each != "expired"}
    if answered > 1:
        after["answered"] = before["answered"]
    script = "(module, before, after) => module.sessionState(after, 0, module.recentOutcomes(before, after))"
    state = run(modules, "stats/state.js", script, before, after)
    assert (state["title"], state["text"]) == said


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"first": 1.0}, READY),
        ({"first": 1.0, "second": 6.0}, ("Ready", "Workers that have not reported lately: 1")),
        ({"first": 6.0}, ("No worker", "No worker reports to the gateway. The last self-test that succeeded was ")),
        ({"ready": False, "tested": 30.0}, ("No worker", "No worker reports to the gateway.")),
        ({"first": 1.0, "tested": 7.0}, ("Self-test late", "The last self-test that succeeded was at ")),
        ({"first": 1.0, "tested": 30.0, "ready": False}, ("Not ready", "The last self-test that succeeded was at ")),
        ({"first": 1.0, "tested": None, "ready": False}, ("Not ready", "No self-test has succeeded since")),
        ({"first": 1.0, "read": 3.0}, ("Kafka silent", "Kafka does not answer the gateway.")),
        ({"first": 1.0, "read": None}, READY),
    ],
    ids=str,
)
def test_the_operations_view_knows_why_the_gateway_is_not_ready(
    modules: Page, facts: dict[str, Any], said: tuple[str, str]
) -> None:
    state = run(modules, "ops/state.js", "(module, report) => module.gatewayState(report, 0)", operations(**facts))
    assert state["title"] == said[0]
    assert said[1] in state["text"]


def test_a_worker_that_stops_reporting_fades_and_stays_with_the_time_of_its_silence(ops: Reports) -> None:
    ops.report = lambda: operations(first=1.0, second=6.0)
    row = ops.page.locator("#workers tr", has_text="second")
    expect(row).to_contain_text("silent for 6 s", timeout=SAID_MS)
    expect(row).to_have_class(re.compile("inactive"))
    ops.report = lambda: operations(first=1.0)  # the gateway has forgotten it
    says(ops, READY, SAID_MS)
    expect(row).to_contain_text(re.compile(r"silent for \d+ s"))
    expect(ops.page.locator("#workers tr", has_text="first")).to_contain_text("1 s ago")


def test_the_form_says_that_the_sign_in_is_over(ops: Reports) -> None:
    ops.fault = 401
    ops.page.wait_for_url("**/ops?over", timeout=SAID_MS, wait_until="commit")
