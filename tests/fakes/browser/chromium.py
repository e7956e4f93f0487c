"""Starts Chromium for tests, without any request to the network of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserType, Page, sync_playwright

from tests.fakes.browser.programs import program
from tests.fakes.browser.tab import SIZE

_QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",  # tests may run as root, in a container
)


class ChromiumTab:
    """A page of Playwright as a ``Tab``."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def open(self, url: str) -> None:
        self._page.goto(url)

    def click(self, selector: str) -> None:
        self._page.click(selector)

    def choose(self, selector: str, value: str) -> None:
        self._page.select_option(selector, value)

    def evaluate(self, expression: str) -> Any:
        return self._page.evaluate(expression)

    def screenshot(self, path: Path) -> None:
        self._page.screenshot(path=path)

    @contextmanager
    def opened_by(self, selector: str) -> Iterator["ChromiumTab"]:
        with self._page.context.expect_page() as opened:
            self.click(selector)
        yield ChromiumTab(opened.value)
        opened.value.close()


def launch(kind: BrowserType, *flags: str, camera: Path | None = None) -> Browser:
    """A headless Chromium with two fake cameras, or with one that plays the .mjpeg or .y4m file ``camera``.

    Pages may use the camera only where their context was granted the permission ``camera``.
    """
    video = (f"--use-file-for-fake-video-capture={camera}",) if camera else ()
    fake = "--use-fake-device-for-media-stream=device-count=2"
    path = program("chromium", "chromium", "chromium-browser", "google-chrome")
    return kind.launch(executable_path=path, args=[*_QUIET, fake, *video, *flags])


@contextmanager
def chromium(*flags: str, camera: Path | None = None) -> Iterator[Browser]:
    """As ``launch``, for as long as the context lasts. A thread can have only one: start others from its type."""
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium, *flags, camera=camera)
        yield browser
        browser.close()


@contextmanager
def chromium_tab() -> Iterator[ChromiumTab]:
    """One tab, which may use the fake camera."""
    with chromium() as browser:
        width, height = SIZE
        context = browser.new_context(permissions=["camera"], viewport={"width": width, "height": height})
        yield ChromiumTab(context.new_page())
