"""What a test does in a tab of a browser, whichever engine it has."""

import json
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

SIZE = (1180, 860)  # width and height of the page in pixels


class Tab(Protocol):
    """A tab. Elements are named by CSS selectors, and a click is a real one, on what can be clicked."""

    def open(self, url: str) -> None: ...

    def click(self, selector: str) -> None: ...

    def choose(self, selector: str, value: str) -> None:
        """Choose the option with this value of a <select>."""

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, which can be written as JSON."""

    def screenshot(self, path: Path) -> None: ...

    def opened_by(self, selector: str) -> AbstractContextManager["Tab"]:
        """The new tab that a click opens; it is closed with the context."""


def text(tab: Tab, selector: str) -> str:
    """The text of the first element, or "" if there is none."""
    return str(tab.evaluate(f"document.querySelector({json.dumps(selector)})?.textContent.trim() ?? ''"))


def until(tab: Tab, expression: str, within_s: float = 30) -> None:
    """Wait until a JavaScript expression is true."""
    end = time.monotonic() + within_s
    while not tab.evaluate(expression):
        assert time.monotonic() < end, f"after {within_s:.0f} s still not: {expression}"
        time.sleep(0.05)


def until_text(tab: Tab, selector: str, wanted: str, within_s: float = 30) -> None:
    """Wait until the text of the first element is ``wanted``."""
    until(
        tab, f"document.querySelector({json.dumps(selector)})?.textContent.trim() === {json.dumps(wanted)}", within_s
    )
