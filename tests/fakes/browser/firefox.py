"""Starts Firefox for tests, with its fake camera, and drives it through Marionette.

Marionette carries the commands of WebDriver over a socket (https://firefox-source-docs.mozilla.org/testing/marionette/).
Debian has no geckodriver, which would only translate HTTP into it.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.fakes.browser.programs import program, running
from tests.fakes.browser.webdriver import WebDriverError, WebDriverTab

TIMEOUT_S = 60.0
PREFERENCES = {
    "marionette.port": 0,  # any free one
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
}


class MarionetteTab(WebDriverTab):
    """Messages are JSON: ``LENGTH:[0, NUMBER, NAME, PARAMETERS]``, and ``LENGTH:[1, NUMBER, ERROR, RESULT]`` back."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")
        self._number = 0
        self._receive()  # it greets

    def command(self, name: str, **parameters: Any) -> Any:
        self._number += 1
        message = json.dumps([0, self._number, f"WebDriver:{name}", parameters]).encode()
        self._connection.sendall(b"%d:%b" % (len(message), message))
        _, _, error, result = self._receive()
        if error:
            raise WebDriverError(f"{name}: {error['message']}")
        return result["value"] if isinstance(result, dict) and "value" in result else result

    def _receive(self) -> Any:
        length = b"".join(iter(lambda: self._file.read(1), b":"))
        return json.loads(self._file.read(int(length)))


@contextmanager
def firefox(*switched_on: str) -> Iterator[MarionetteTab]:
    """A headless Firefox with a profile of its own, and these preferences switched on."""
    command = [program("firefox-esr", "firefox-esr"), "--headless", "--marionette", "--profile", "{home}"]
    preferences = PREFERENCES | dict.fromkeys(switched_on, True)
    lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in preferences.items()]
    with running(command, files={"user.js": "\n".join(lines)}) as browser:
        port = browser.home / "MarionetteActivePort"
        browser.until(port.exists)
        with socket.create_connection(("127.0.0.1", int(port.read_text())), timeout=TIMEOUT_S) as connection:
            tab = MarionetteTab(connection)
            tab.command("NewSession", capabilities={})
            tab.resize()
            yield tab
