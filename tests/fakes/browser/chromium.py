"""Finds and starts Chromium for tests, without any request to the network of its own."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserType, sync_playwright

_QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",  # tests may run as root, in a container
)


def chromium_path() -> str:
    """Chromium's path; without one the test is skipped, and under ``CI=true`` fails."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        reason = "no chromium on the PATH: install Debian's package chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def launch(kind: BrowserType, *flags: str, camera: Path | None = None) -> Browser:
    """A headless Chromium with two fake cameras, or with one that plays the .mjpeg or .y4m file ``camera``.

    Pages may use the camera only where their context was granted the permission ``camera``.
    """
    video = (f"--use-file-for-fake-video-capture={camera}",) if camera else ()
    fake = "--use-fake-device-for-media-stream=device-count=2"
    return kind.launch(executable_path=chromium_path(), args=[*_QUIET, fake, *video, *flags])


@contextmanager
def chromium(*flags: str, camera: Path | None = None) -> Iterator[Browser]:
    """As ``launch``, for as long as the context lasts. A thread can have only one: start others from its type."""
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium, *flags, camera=camera)
        yield browser
        browser.close()
