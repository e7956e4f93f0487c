"""Starts WebKitGTK's MiniBrowser for tests, with its mock camera, on a display that nobody sees."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from infra.local.ports import free_ports
from tests.fakes.browser.programs import program, running
from tests.fakes.browser.webdriver import WebDriverError, WebDriverTab

TIMEOUT_S = 60.0
ARGUMENTS = ["--automation", "--enable-mock-capture-devices=true", "--enable-media-stream=true"]
ADDRESSES = {  # of the commands, below the address of the session
    "Navigate": ("POST", "/url"),
    "FindElement": ("POST", "/element"),
    "ElementClick": ("POST", "/element/{id}/click"),
    "ExecuteScript": ("POST", "/execute/sync"),
    "TakeScreenshot": ("GET", "/screenshot"),
    "GetWindowHandle": ("GET", "/window"),
    "GetWindowHandles": ("GET", "/window/handles"),
    "SetWindowRect": ("POST", "/window/rect"),
    "SwitchToWindow": ("POST", "/window"),
    "CloseWindow": ("DELETE", "/window"),
    "DeleteSession": ("DELETE", ""),
}


class HttpTab(WebDriverTab):
    """A session of a WebDriver server."""

    def __init__(self, server: httpx2.Client, options: dict[str, Any]) -> None:
        self._server = server
        self._session = self._send("POST", "", {"capabilities": {"alwaysMatch": options}})["sessionId"]

    def command(self, name: str, **parameters: Any) -> Any:
        method, address = ADDRESSES[name]
        address = f"/{self._session}{address}".format(**parameters)
        return self._send(method, address, parameters if method == "POST" else None)

    def _send(self, method: str, address: str, body: dict[str, Any] | None) -> Any:
        value = self._server.request(method, f"/session{address}", json=body).json()["value"]
        if isinstance(value, dict) and "error" in value:
            raise WebDriverError(f"{address}: {value['error']}: {value['message']}")
        return value


@contextmanager
def display() -> Iterator[str]:
    """The name of an X display, which is on no screen."""
    command = [program("xvfb", "Xvfb"), "-displayfd", "1", "-screen", "0", "1600x1200x24", "-nolisten", "tcp"]
    with running(command) as server:
        numbers: list[str] = []

        def started() -> bool:
            numbers[:] = re.findall(r"^\d+$", (server.home / "output.log").read_text(), re.MULTILINE)
            return bool(numbers)

        server.until(started)
        yield f":{numbers[0]}"


@contextmanager
def webkit() -> Iterator[HttpTab]:
    """A MiniBrowser, which keeps nothing."""
    path, port = program("webkit2gtk-driver", "WebKitWebDriver"), free_ports(1)[0]
    with (
        display() as name,
        running([path, f"--port={port}"], DISPLAY=name) as driver,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_S) as server,
    ):
        driver.until(lambda: answers(server))
        tab = HttpTab(server, {"webkitgtk:browserOptions": {"args": ARGUMENTS}})
        tab.resize()
        yield tab
        tab.command("DeleteSession")


def answers(server: httpx2.Client) -> bool:
    try:
        return bool(server.get("/status").json()["value"]["ready"])
    except httpx2.TransportError:
        return False
