"""The operations view with a real stack: it asks for the token, then shows sessions and workers at work."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.live_pages import SCREENSHOTS, SIZES, page_state, pages, sample_camera, until_reported
from tests.running_stack import OPERATOR_TOKEN, RunningStack

pytestmark = [pytest.mark.browser, pytest.mark.broker]


PAINTED = """chart => {
  const canvas = document.getElementById(chart);
  return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(value => value !== 0);
}"""


def test_the_operator_signs_in_and_sees_the_sessions_at_work(stack: RunningStack, tmp_path: Path) -> None:
    with pages(stack, sample_camera("cat", tmp_path)) as (webcam,):
        session = page_state(webcam)["session"]
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
        ops.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        ops.get_by_label("The operator’s token").fill(OPERATOR_TOKEN)
        ops.get_by_role("button", name="Sign in").click()

        expect(ops.locator("#state")).to_have_text("Ready")
        report = until_reported(ops, lambda report: any(each["fps"] > 0 for each in report["sessions"]))
        assert session not in ops.content()
        assert report["sessions"][0]["session"] == session[:6]
        first = report["answered"]
        until_reported(ops, lambda report: report["answered"] > first + 10)  # live, and without a reload
        row = ops.locator("#sessions tr").first
        expect(row).to_contain_text(f"{session[:6]}…")
        expect(row).to_contain_text("efficientnet_lite2")
        expect(ops.locator("#workers tr")).to_have_count(1)
        expect(ops.locator("#workers tr")).to_contain_text("0: ")
        expect(ops.locator("#models tr")).to_have_count(2)
        webcam.bring_to_front()
        webcam.wait_for_timeout(2000)
        ops.bring_to_front()
        expect(ops.locator("#batch-chart")).to_have_attribute("aria-label", re.compile(r"Batches by size: \d+ of 1"))
        for chart in ("rate-chart", "age-chart", "batch-chart", "lag-chart"):
            ops.wait_for_function(PAINTED, arg=chart, timeout=10_000)
        for suffix, (width, height) in SIZES.items():
            ops.set_viewport_size({"width": width, "height": height})
            ops.wait_for_timeout(500)
            ops.screenshot(path=SCREENSHOTS / f"ops{suffix}.png", full_page=True)
            assert ops.evaluate("document.documentElement.scrollWidth <= innerWidth")
        ops.context.clear_cookies()
        expect(ops.get_by_role("alert")).to_have_text("Your sign-in is over. Sign in again.")
        expect(ops.get_by_label("The operator’s token")).to_be_focused()
        ops.get_by_label("The operator’s token").fill(OPERATOR_TOKEN)
        ops.keyboard.press("Enter")
        ops.get_by_role("button", name="Sign out").click()
        expect(ops.get_by_text("For operators")).to_be_visible()
        # 401 is the status of the form, and of a request that was in flight when the cookie was removed
        assert [error for error in errors if "401" not in error] == []
