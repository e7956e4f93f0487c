"""A real stack for the tests that need one, started with `sightstream up`."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

OPERATOR_TOKEN = "operator token of the tests"
READY_TIMEOUT_S = 240.0  # the first start on a machine fetches Kafka and converts the network


@dataclass
class RunningStack:
    """A ``sightstream up`` that is ready, and its process."""

    process: "subprocess.Popen[str]"
    folder: Path
    urls: list[str]
    ready_line: str
    took_s: float

    @property
    def url(self) -> str:
        """The address of the first gateway."""
        return self.urls[0]

    @property
    def websockets(self) -> list[str]:
        """The addresses that clients connect to, the first gateway's first."""
        return [url.replace("http", "ws", 1) + "/ws" for url in self.urls]

    @property
    def websocket(self) -> str:
        """The first gateway's."""
        return self.websockets[0]

    @property
    def broker(self) -> str:
        """HOST:PORT of its Kafka's nodes, comma-separated."""
        found = re.search(r"Kafka at (\S+),", (self.folder / "up.err").read_text())
        assert found
        return found[1]

    def processes(self, text: str = "") -> list[psutil.Process]:
        """The processes that it started and whose command line contains ``text``."""
        found = []
        for each in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if text in " ".join(each.cmdline()):
                    found.append(each)
        return found


@contextmanager
def running_stack(folder: Path, *options: str, **settings: str) -> Iterator[RunningStack]:
    """Start a stack in ``folder`` with these ``settings``, wait until it is ready, and stop it at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "infra.commands", "up", "--port", "0", "--data-dir", str(folder), *options]
    environ = {**os.environ, **{f"SIGHTSTREAM_{name.upper()}": value for name, value in settings.items()}}
    started = time.monotonic()
    with (folder / "up.out").open("w") as out, (folder / "up.err").open("w") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, text=True, start_new_session=True, env=environ)
    try:
        line = ""
        while not line.startswith("ready "):
            assert process.poll() is None, (folder / "up.err").read_text()
            assert time.monotonic() - started < READY_TIMEOUT_S, (folder / "up.err").read_text()
            time.sleep(0.1)
            line = (folder / "up.out").read_text()
        urls = line.removeprefix("ready ").split("  ")[0].split(" ")
        yield RunningStack(process, folder, urls, line.strip(), time.monotonic() - started)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise


def all_end(processes: list[psutil.Process], timeout_s: float) -> bool:
    """Whether all ``processes`` end before the time is over."""
    _, alive = psutil.wait_procs(processes, timeout=timeout_s)
    return not alive
