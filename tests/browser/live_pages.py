"""What the tests with a real stack share: pages whose cameras show known pictures, and what these pages counted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests import ROOT
from tests.browser.page_driver import start, until
from tests.fakes.browser.camera_file import jpeg, write_camera_file
from tests.fakes.browser.chromium import launch
from tests.running_stack import RunningStack
from web import SAMPLES

SCREENSHOTS = ROOT / "build" / "screenshots"
SIZES = {"": (1180, 860), "-phone": (390, 844)}  # suffix of the screenshot -> width and height of the page


def sample_camera(name: str, folder: Path) -> Path:
    """A camera file that shows the sample picture ``name``."""
    picture = Image.open(SAMPLES / f"{name}.jpg").convert("RGB").resize((480, 480))
    return write_camera_file(folder / f"{name}.mjpeg", picture)


def video_camera(video: Path, folder: Path, frames: int = 225) -> Path:
    """A camera file that shows the first ``frames`` of ``video``."""
    target = folder / f"{video.stem}.mjpeg"
    with av.open(str(video)) as container, target.open("wb") as file:
        for number, frame in enumerate(container.decode(video=0)):
            if number >= frames:
                break
            picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
            file.write(jpeg(picture))
    return target


@contextmanager
def pages(stack: RunningStack, *cameras: Path) -> Iterator[list[Page]]:
    """One streaming page for each camera file, each in its own browser."""
    with sync_playwright() as playwright:
        browsers: list[Browser] = [launch(playwright.chromium, camera=camera) for camera in cameras]
        try:
            opened = []
            for browser in browsers:
                page = browser.new_context(permissions=["camera"], viewport={"width": 1180, "height": 860}).new_page()
                page.goto(stack.url)
                start(page)
                opened.append(page)
            for page in opened:
                expect(page.locator("#chip")).to_have_text("Live", timeout=20_000)
                until_answered(page, 15)
            yield opened
        finally:
            for browser in browsers:
                browser.close()


def page_state(page: Page) -> dict[str, Any]:
    """The page's session, its frame counts, and how often each label was the first."""
    state: dict[str, Any] = page.evaluate("(({session, counts, labels}) => ({session, counts, labels}))(sightstream)")
    return state


def until_answered(page: Page, count: int) -> None:
    until(page, lambda: page_state(page)["counts"]["answered"] >= count, within_s=30)


def until_reported(page: Page, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until the report that the page shows meets ``condition``, 15 s at most; returns the report."""
    report: dict[str, Any] | None = None
    for _ in range(300):
        report = page.evaluate("window.sightstream?.report")
        if report and condition(report):
            return report
        page.wait_for_timeout(50)
    raise AssertionError(f"no such report within 15 s, but: {report}")
