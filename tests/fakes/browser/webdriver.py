"""A tab that is driven by the commands of W3C WebDriver (https://www.w3.org/TR/webdriver2/)."""

import base64
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fakes.browser.tab import SIZE

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element's id, fixed by the standard


class WebDriverError(AssertionError):
    """The browser could not do what a command says."""


class WebDriverTab(ABC):
    """The session's current tab; how a command gets to the browser is left to the engine."""

    @abstractmethod
    def command(self, name: str, **parameters: Any) -> Any:
        """The value that the browser returns for a command, which has its name from the standard.

        Raises:
            WebDriverError: The browser answers with an error.
        """

    def resize(self) -> None:
        """Give the page its size: a window is larger by its bars."""
        self.command("SetWindowRect", width=SIZE[0], height=SIZE[1])
        self._until_loaded()
        inner = self.evaluate("[innerWidth, innerHeight]")
        width, height = (2 * wanted - got for wanted, got in zip(SIZE, inner, strict=True))
        self.command("SetWindowRect", width=width, height=height)

    def open(self, url: str) -> None:
        self.command("Navigate", url=url)

    def click(self, selector: str) -> None:
        element = self.command("FindElement", using="css selector", value=selector)
        self.command("ElementClick", id=element[ELEMENT])

    def choose(self, selector: str, value: str) -> None:
        self.click(f'{selector} option[value="{value}"]')

    def evaluate(self, expression: str) -> Any:
        return self.command("ExecuteScript", script=f"return ({expression});", args=[])

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.command("TakeScreenshot", full=False)))

    @contextmanager
    def opened_by(self, selector: str) -> Iterator["WebDriverTab"]:
        own = self.command("GetWindowHandle")
        known = set(self.command("GetWindowHandles"))
        self.click(selector)
        self.command("SwitchToWindow", handle=self._new_window(known))
        self.resize()
        try:
            yield self
        finally:
            self.command("CloseWindow")
            self.command("SwitchToWindow", handle=own)

    def _until_loaded(self, within_s: float = 10) -> None:
        """A document that is just being replaced answers nothing."""
        end = time.monotonic() + within_s
        while self.evaluate("document.readyState") != "complete":
            assert time.monotonic() < end, f"the page is not loaded within {within_s:.0f} s"
            time.sleep(0.02)

    def _new_window(self, known: set[str], within_s: float = 5) -> str:
        end = time.monotonic() + within_s
        while not (new := set(self.command("GetWindowHandles")) - known):
            assert time.monotonic() < end, f"the click opened no tab within {within_s:.0f} s"
            time.sleep(0.02)
        return str(new.pop())
