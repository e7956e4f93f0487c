"""What the tests of the camera page share: what they do with the page, and what they ask it."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from web import STATIC

INSECURE = "insecure.test"  # a host name that Chromium does not trust with a camera
CAT = STATIC / "samples" / "cat.jpg"


def start(page: Page) -> None:
    """Start the camera."""
    page.get_by_role("button", name="Start camera").click()


def until(page: Page, condition: Callable[[], Any], within_s: int = 10) -> None:
    """Let the page run until ``condition`` holds, ``within_s`` seconds at most."""
    for _ in range(within_s * 50):
        if condition():
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"the condition did not hold within {within_s} s; the page counted {frame_counts(page)}")


def frame_counts(page: Page) -> dict[str, Any]:
    """The page's own frame counts, which must always add up."""
    counts: dict[str, Any] = page.evaluate("sightstream.counts")
    settled = counts["answered"] + sum(counts["dropped"].values()) + counts["expired"]
    assert counts["sent"] == settled + counts["pending"]
    return counts


def top_label(page: Page) -> str:
    """The first label that the page shows."""
    return page.locator("#labels .name").first.text_content() or ""


def run(modules: Page, name: str, script: str, *arguments: Any) -> Any:
    """The result of ``script``, a function of the JavaScript module ``name`` and of ``arguments``."""
    return modules.evaluate(f"async (given) => ({script})(await import('/static/{name}'), ...given)", list(arguments))
