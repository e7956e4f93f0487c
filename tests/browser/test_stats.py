"""The statistics page with a real stack: it shows what its session's camera page counted."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.live_pages import SCREENSHOTS, SIZES, page_state, pages, sample_camera, until_reported
from tests.browser.page_driver import until
from tests.running_stack import OPERATOR_TOKEN, RunningStack

pytestmark = [pytest.mark.browser, pytest.mark.broker]

Counts = tuple[int, int, dict[str, int], int, dict[str, int]]  # sent, answered, dropped, expired, labels


def counts_of_report(page: Page) -> Counts:
    report = page.evaluate("sightstream.report")
    return report["sent"], report["answered"], report["dropped"], report["expired"], report["labels"]


def counts_of_page(page: Page) -> Counts:
    state = page_state(page)
    counts = state["counts"]
    return counts["sent"], counts["answered"], counts["dropped"], counts["expired"], state["labels"]


def stop_and_settle(page: Page) -> Counts:
    """Stop the camera and wait for the last answers; returns the final counts."""
    page.get_by_role("button", name="Stop").click()
    until(page, lambda: page_state(page)["counts"]["pending"] == 0, within_s=30)
    return counts_of_page(page)


def open_stats(page: Page) -> Page:
    """The page that the camera page's link opens."""
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Statistics of this session").click()
    return opened.value


def collect_errors(page: Page, errors: list[str]) -> None:
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.on("requestfailed", lambda request: errors.append(request.url))


def test_each_session_finds_its_own_numbers_on_its_own_page(stack: RunningStack, tmp_path: Path) -> None:
    names = ("cat", "coffee")
    with pages(stack, *(sample_camera(name, tmp_path) for name in names)) as webcams:
        stats = [open_stats(page) for page in webcams]
        errors: list[str] = []
        for page in stats:
            collect_errors(page, errors)
            until_reported(page, lambda report: report["answered"] > 20)
        for page in stats:  # live, and without a reload
            first = page.evaluate("sightstream.report.answered")
            until_reported(page, lambda report, first=first: report["answered"] > first)  # type: ignore[misc]
            expect(page.locator("#state")).to_have_text("Live")
        for page, webcam, name in zip(stats, webcams, names, strict=True):
            webcam.bring_to_front()
            webcam.wait_for_timeout(1500)
            page.bring_to_front()
            page.wait_for_timeout(700)
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            for suffix, (width, height) in SIZES.items():
                page.set_viewport_size({"width": width, "height": height})
                page.wait_for_timeout(300)
                page.screenshot(path=SCREENSHOTS / f"stats-{name}{suffix}.png", full_page=True)
            webcam.bring_to_front()
            stop_and_settle(webcam)
        labels = []
        for page, webcam in zip(stats, webcams, strict=True):
            expected = counts_of_page(webcam)
            page.bring_to_front()
            until_reported(page, lambda report, sent=expected[0]: report["sent"] == sent)  # type: ignore[misc]
            assert counts_of_report(page) == expected
            assert page.evaluate("sightstream.report.session") == page_state(webcam)["session"]
            expect(page.locator("#answered")).to_have_text(f"{expected[1]:,}")
            expect(page.locator("#sent")).to_have_text(f"of {expected[0]:,} frames")
            labels.append(set(expected[4]))
        assert not labels[0] & labels[1]
        assert errors == []


def test_a_webcam_page_settles_on_a_label(stack: RunningStack, tmp_path: Path) -> None:
    with pages(stack, sample_camera("cat", tmp_path)) as (page,):
        expect(page.locator("#headline")).to_contain_text("cat")
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("#headline")).to_have_class(re.compile(r"\bstale\b"))  # it stays, as an old one


def test_the_downloads_hold_what_the_page_shows_and_the_page_outlives_its_session(
    stack: RunningStack, tmp_path: Path
) -> None:
    with pages(stack, sample_camera("cat", tmp_path)) as (webcam,):
        sent, answered, *_ = stop_and_settle(webcam)
        stats = open_stats(webcam)
        until_reported(stats, lambda report: report["sent"] == sent)
        webcam.close()
        expect(stats.locator("#state")).to_have_text("Ended", timeout=10_000)
        stats.reload()
        until_reported(stats, lambda report: report["sent"] == sent)
        for name, kind in (("JSON", "application/json"), ("CSV", "text/csv")):
            address = stats.get_by_role("link", name=name).get_attribute("href")
            assert address
            response = httpx2.get(address)
            assert response.headers["content-type"].startswith(kind)
            assert str(answered) in response.text


@contextmanager
def frozen(stack: RunningStack, command: str) -> Iterator[None]:
    """The one process of the stack with this in its command line stands still."""
    [process] = stack.processes(command)
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def test_both_pages_say_which_part_is_silent_and_are_back_after_it(stack: RunningStack, tmp_path: Path) -> None:
    with pages(stack, sample_camera("cat", tmp_path)) as (webcam,):
        stats, ops = open_stats(webcam), webcam.context.new_page()
        ops.goto(f"{stack.url}/ops")
        ops.get_by_label("The operator’s token").fill(OPERATOR_TOKEN)
        ops.get_by_role("button", name="Sign in").click()
        webcam.bring_to_front()
        for command, said_by_ops, said_by_stats in (
            ("kafka.Kafka", "Kafka silent", "Not current"),
            ("infra.commands gateway", "Gateway silent", "Gateway silent"),
            ("streams.worker", "", "No labels"),
        ):
            expect(ops.locator("#state")).to_have_text("Ready", timeout=10_000)
            expect(stats.locator("#state")).to_have_text("Live", timeout=10_000)
            with frozen(stack, command):
                expect(stats.locator("#state")).to_have_text(said_by_stats, timeout=2500)
                if said_by_ops:
                    expect(ops.locator("#state")).to_have_text(said_by_ops, timeout=500)
        expect(stats.locator("#state")).to_have_text("Live", timeout=15_000)


def test_an_unknown_session_has_a_page_that_says_so(stack: RunningStack, tmp_path: Path) -> None:
    with pages(stack, sample_camera("cat", tmp_path)) as (page,):
        response: Response | None = page.goto(f"{stack.url}/stats/unknown")
        assert response and response.status == 404
        expect(page.get_by_text("There is nothing here")).to_be_visible()
