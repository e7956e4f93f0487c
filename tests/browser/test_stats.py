"""The statistics page before the real stack: each session's page tells what that session's webcam page counted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.test_live import SAMPLES, SCREENSHOTS, picture_camera, pages, seen, until
from tests.running import RunningStack

pytestmark = [pytest.mark.browser, pytest.mark.broker]

SIZES = {"": (1180, 860), "-phone": (390, 844)}


def books(report: dict[str, Any]) -> tuple[int, int, dict[str, int], int, dict[str, int]]:
    return report["sent"], report["answered"], report["dropped"], report["expired"], report["labels"]


def counted(page: Page) -> tuple[int, int, dict[str, int], int, dict[str, int]]:
    state = seen(page)
    counts = state["counts"]
    return counts["sent"], counts["answered"], counts["dropped"], counts["expired"], state["labels"]


def reported(page: Page) -> dict[str, Any]:
    report: dict[str, Any] = page.evaluate("sightstream.report")
    return report


def until_reported(page: Page, true: Callable[[dict[str, Any]], bool]) -> None:
    for _ in range(300):
        report = page.evaluate("window.sightstream?.report")
        if report and true(report):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"no such report within 15 s: {report}")


def open_stats(page: Page) -> Page:
    """The page behind the webcam page's link; it tells of every error."""
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Statistics of this session").click()
    return opened.value


def test_each_session_finds_its_own_numbers_on_its_own_page(stack: RunningStack, tmp_path: Path) -> None:
    cameras = [picture_camera(SAMPLES / f"{name}.jpg", tmp_path / f"{name}.mjpeg") for name in ("cat", "coffee")]
    with pages(stack, *cameras) as webcams:
        stats = [open_stats(page) for page in webcams]
        errors: list[str] = []
        for page in stats:
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
            page.on("requestfailed", lambda request: errors.append(request.url))
            until_reported(page, lambda report: report["answered"] > 20)
        for page in stats:  # live, and without a reload
            first = reported(page)["answered"]
            until_reported(page, lambda report, first=first: report["answered"] > first)  # type: ignore[misc]
            expect(page.locator("#state")).to_have_text("Live")
        for page, webcam in zip(stats, webcams, strict=True):
            webcam.bring_to_front()
            webcam.wait_for_timeout(4000)
            page.bring_to_front()
            page.wait_for_timeout(1500)
            name = seen(webcam)["labels"]
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            for suffix, (width, height) in SIZES.items():
                page.set_viewport_size({"width": width, "height": height})
                page.wait_for_timeout(300)
                animal = "cat" if any("cat" in label for label in name) else "coffee"
                page.screenshot(path=SCREENSHOTS / f"stats-{animal}{suffix}.png", full_page=True)
            webcam.bring_to_front()
            webcam.get_by_role("button", name="Stop").click()
            until(webcam, lambda webcam=webcam: seen(webcam)["counts"]["pending"] == 0)  # type: ignore[misc]
        labels = []
        for page, webcam in zip(stats, webcams, strict=True):
            mine = counted(webcam)
            page.bring_to_front()
            until_reported(page, lambda report, mine=mine: report["sent"] == mine[0])  # type: ignore[misc]
            assert books(reported(page)) == mine
            assert reported(page)["session"] == seen(webcam)["session"]
            expect(page.locator("#answered")).to_have_text(f"{mine[1]:,}")
            expect(page.locator("#sent")).to_have_text(f"{mine[0]:,}")
            labels.append(set(mine[4]))
        assert not labels[0] & labels[1]
        assert errors == []


def test_a_webcam_page_settles_on_a_label(stack: RunningStack, tmp_path: Path) -> None:
    camera = picture_camera(SAMPLES / "cat.jpg", tmp_path / "cat.mjpeg")
    with pages(stack, camera) as (page,):
        expect(page.locator("#steady")).to_contain_text("cat")
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("#steady")).to_be_hidden()


def test_the_downloads_hold_what_the_page_shows_and_the_page_outlives_its_session(
    stack: RunningStack, tmp_path: Path
) -> None:
    camera = picture_camera(SAMPLES / "cat.jpg", tmp_path / "cat.mjpeg")
    with pages(stack, camera) as (webcam,):
        webcam.get_by_role("button", name="Stop").click()
        until(webcam, lambda: seen(webcam)["counts"]["pending"] == 0)
        mine = counted(webcam)
        stats = open_stats(webcam)
        until_reported(stats, lambda report: report["sent"] == mine[0])
        webcam.close()
        expect(stats.locator("#state")).to_have_text("Ended", timeout=10_000)
        stats.reload()
        until_reported(stats, lambda report: report["sent"] == mine[0])
        for name, kind in (("JSON", "application/json"), ("CSV", "text/csv")):
            address = stats.get_by_role("link", name=name).get_attribute("href")
            assert address
            response = httpx2.get(address)
            assert response.headers["content-type"].startswith(kind)
            assert str(mine[1]) in response.text


def test_a_session_that_nobody_knows_has_a_page_that_says_so(stack: RunningStack, tmp_path: Path) -> None:
    camera = picture_camera(SAMPLES / "cat.jpg", tmp_path / "cat.mjpeg")
    with pages(stack, camera) as (page,):
        response: Response | None = page.goto(f"{stack.url}/stats/nobody")
        assert response and response.status == 404
        expect(page.get_by_text("There is nothing here")).to_be_visible()
