"""Cameras: starting, stopping, changing, and saying why one does not start."""

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.page_driver import CAT, INSECURE, frame_counts, start, until
from tests.fakes.browser.chromium import launch
from tests.fakes.browser.gateway import FakeGateway

pytestmark = pytest.mark.browser


def test_stop_gives_the_camera_back(page: Page, gateway: FakeGateway) -> None:
    start(page)
    until(page, lambda: len(gateway.uploads) >= 2)
    page.evaluate("window.track = video.srcObject.getVideoTracks()[0]")
    page.get_by_role("button", name="Stop").click()
    assert page.evaluate("track.readyState") == "ended"
    expect(page.get_by_role("button", name="Start camera")).to_be_visible()
    page.wait_for_timeout(100)
    before = len(gateway.uploads)
    page.wait_for_timeout(300)
    assert len(gateway.uploads) == before


def test_another_camera_can_be_picked_while_running(browser: Browser, gateway: FakeGateway) -> None:
    two_cameras = launch(browser.browser_type)
    page = two_cameras.new_context(permissions=["camera"]).new_page()
    page.goto(gateway.url)
    start(page)
    picker = page.get_by_role("combobox", name="Camera")
    used = "video.srcObject?.getVideoTracks()[0].getSettings().deviceId ?? ''"
    until(page, lambda: picker.input_value() != "")
    first = picker.input_value()
    assert page.evaluate(used) == first
    picker.select_option(index=2)
    second = picker.input_value()
    until(page, lambda: page.evaluate(used) == second)
    before = len(gateway.uploads)
    until(page, lambda: len(gateway.uploads) > before)
    assert second != first
    two_cameras.close()


def test_browser_without_video_frame_callbacks_streams_too(context: BrowserContext, gateway: FakeGateway) -> None:
    context.add_init_script("delete HTMLVideoElement.prototype.requestVideoFrameCallback")
    page = context.new_page()
    page.goto(gateway.url)
    start(page)
    until(page, lambda: frame_counts(page)["answered"] >= 5)


def test_denied_camera_says_so_and_what_to_do(browser: Browser, gateway: FakeGateway) -> None:
    context = browser.new_context()  # without the permission, and headless Chromium cannot ask for it
    page = context.new_page()
    page.goto(gateway.url)
    start(page)
    expect(page.get_by_role("alert")).to_contain_text("The camera was not allowed")
    expect(page.get_by_role("alert")).to_contain_text("then press Start again")
    expect(page.get_by_role("button", name="Start camera")).to_be_enabled()
    context.close()


def test_insecure_page_says_why_and_still_takes_pictures(context: BrowserContext, gateway: FakeGateway) -> None:
    page = context.new_page()
    page.goto(f"http://{INSECURE}:{gateway.port}/")
    start(page)
    expect(page.get_by_role("alert")).to_contain_text("Cameras need a secure page")
    page.get_by_label("Picture or video").set_input_files(CAT)
    until(page, lambda: frame_counts(page)["answered"] > 0)
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("NotFoundError", "No camera found"),
        ("NotReadableError", "The camera is busy"),
        ("OverconstrainedError", "That camera is not available"),
        ("SomethingElse", "Press Start to try again"),
    ],
)
def test_each_failure_of_a_camera_is_explained(page: Page, error: str, says: str) -> None:
    page.evaluate(
        "(name) => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name); }; }",
        error,
    )
    start(page)
    expect(page.get_by_role("alert")).to_contain_text(says)


def test_camera_that_goes_away_is_noticed(page: Page, gateway: FakeGateway) -> None:
    start(page)
    until(page, lambda: gateway.uploads)
    page.evaluate("video.srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended'))")
    expect(page.get_by_role("alert")).to_contain_text("The camera went away")
    expect(page.get_by_role("button", name="Start camera")).to_be_visible()
