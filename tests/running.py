"""A real stack, as a newcomer would start it, for the tests that need one."""

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

OPERATOR_TOKEN = "of the stack that tests share"
READY_WITHIN_S = 240.0  # the first start on a machine fetches Kafka and converts the network


@dataclass
class RunningStack:
    """``sightstream up`` as a child process, ready."""

    process: "subprocess.Popen[str]"
    folder: Path
    url: str
    ready_line: str
    took_s: float

    @property
    def websocket(self) -> str:
        return self.url.replace("http", "ws", 1) + "/ws"

    @property
    def broker(self) -> str:
        found = re.search(r"Kafka at (\S+),", (self.folder / "up.err").read_text())
        assert found
        return found[1]

    def children(self, words: str = "") -> list[psutil.Process]:
        """The processes of the stack whose command line has ``words`` in it."""
        found = []
        for each in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if words in " ".join(each.cmdline()):
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
            assert time.monotonic() - started < READY_WITHIN_S, (folder / "up.err").read_text()
            time.sleep(0.1)
            line = (folder / "up.out").read_text()
        yield RunningStack(process, folder, line.split()[1], line.strip(), time.monotonic() - started)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise


def none_left(processes: list[psutil.Process], within_s: float) -> bool:
    """Whether all ``processes`` are gone before the time is over."""
    _, alive = psutil.wait_procs(processes, timeout=within_s)
    return not alive
