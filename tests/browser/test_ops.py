"""The operations view before the real stack: it asks for the token, then tells what goes on."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_live import SAMPLES, SCREENSHOTS, picture_camera, pages, seen
from tests.running import OPERATOR_TOKEN, RunningStack

pytestmark = [pytest.mark.browser, pytest.mark.broker]

SIZES = {"": (1180, 860), "-phone": (390, 844)}


def until_reported(page: Page, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    for _ in range(300):
        report: dict[str, Any] | None = page.evaluate("window.sightstream?.report")
        if report and true(report):
            return report
        page.wait_for_timeout(50)
    raise AssertionError(f"no such report within 15 s: {report}")


def painted(page: Page, chart: str) -> bool:
    """Whether anything is drawn on a chart."""
    return bool(
        page.evaluate(
            """chart => {
                const canvas = document.getElementById(chart);
                const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
                return pixels.some(value => value !== 0);
            }""",
            chart,
        )
    )


def test_the_operator_signs_in_and_sees_the_sessions_at_work(stack: RunningStack, tmp_path: Path) -> None:
    camera = picture_camera(SAMPLES / "cat.jpg", tmp_path / "cat.mjpeg")
    with pages(stack, camera) as (webcam,):
        session = seen(webcam)["session"]
        errors: list[str] = []
        ops = webcam.context.browser.new_context(viewport={"width": 1180, "height": 860}).new_page()  # type: ignore[union-attr]
        ops.on("pageerror", lambda error: errors.append(str(error)))
        response = ops.goto(f"{stack.url}/ops")
        assert response and response.status == 401
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        ops.get_by_label("The operator’s token").fill("not this one")
        ops.get_by_role("button", name="Sign in").click()
        expect(ops.get_by_role("alert")).to_have_text("That is not the token.")
        ops.screenshot(path=SCREENSHOTS / "ops-signin.png")
        ops.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        ops.get_by_label("The operator’s token").fill(OPERATOR_TOKEN)
        ops.get_by_role("button", name="Sign in").click()

        expect(ops.locator("#state")).to_have_text("Ready")
        mine = until_reported(ops, lambda report: any(each["fps"] > 0 for each in report["sessions"]))
        assert session not in ops.content()
        assert mine["sessions"][0]["session"] == session[:6]
        first = mine["answered"]
        until_reported(ops, lambda report: report["answered"] > first + 10)  # live, and without a reload
        row = ops.locator("#sessions tr").first
        expect(row).to_contain_text(f"{session[:6]}…")
        expect(row).to_contain_text("efficientnet_lite2")
        expect(ops.locator("#workers tr")).to_have_count(1)
        expect(ops.locator("#workers tr")).to_contain_text("0: ")
        expect(ops.locator("#models tr")).to_have_count(2)
        webcam.bring_to_front()
        webcam.wait_for_timeout(8000)
        ops.bring_to_front()
        ops.wait_for_timeout(3000)
        expect(ops.locator("#batch-chart")).to_have_attribute("aria-label", re.compile(r"Batches by size: \d+ of 1"))
        for chart in ("rate-chart", "age-chart", "batch-chart", "lag-chart"):
            assert painted(ops, chart), chart
        for suffix, (width, height) in SIZES.items():
            ops.set_viewport_size({"width": width, "height": height})
            ops.wait_for_timeout(1500)
            ops.screenshot(path=SCREENSHOTS / f"ops{suffix}.png", full_page=True)
            assert ops.evaluate("document.documentElement.scrollWidth <= innerWidth")
        ops.get_by_role("button", name="Sign out").click()
        expect(ops.get_by_text("For operators")).to_be_visible()
        # the form's own status, and a report that was under way when the cookie went
        assert [error for error in errors if "401" not in error] == []
