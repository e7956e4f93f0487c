"""Programs that tests start: found or skipped by name, and ended together with what they started."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

START_S = 60.0
END_S = 5.0  # from SIGTERM to SIGKILL


def program(package: str, *names: str) -> str:
    """The path of the first of ``names``; without one the test is skipped, and says which package to install.

    With ``CI=true`` the test fails instead, but for a package that this machine's distribution does not have.
    """
    for name in names:
        if path := shutil.which(name):
            return path
    reason = f"no {' or '.join(names)} on the PATH: install Debian's package {package}"
    if os.environ.get("CI") == "true" and (package == "chromium" or _is_offered(package)):
        pytest.fail(reason)
    pytest.skip(reason)


def _is_offered(package: str) -> bool:
    apt = shutil.which("apt-cache")
    return apt is not None and subprocess.run([apt, "show", package], capture_output=True).returncode == 0


class Program:
    """A running program, the only one with its folder as the user's home."""

    def __init__(self, process: "subprocess.Popen[bytes]", home: Path) -> None:
        self.home = home
        self._process = process

    def until(self, ready: Callable[[], bool]) -> None:
        """Wait until ``ready``; the program must run on meanwhile."""
        end = time.monotonic() + START_S
        while not ready():
            assert self._process.poll() is None and time.monotonic() < end, (self.home / "output.log").read_text()
            time.sleep(0.05)


@contextmanager
def running(command: list[str], files: dict[str, str] | None = None, **environ: str) -> Iterator[Program]:
    """Run ``command`` with a new home, where it finds ``files`` by name; ``{home}`` in the command is its path.

    With the context its process group is ended and its home removed.
    """
    with TemporaryDirectory(prefix="sightstream-browser-") as name:
        home = Path(name)
        for file, content in (files or {}).items():
            (home / file).write_text(content)
        with (home / "output.log").open("wb") as output:
            process = subprocess.Popen(
                [part.format(home=home) for part in command],
                env={**os.environ, "HOME": name, **environ},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield Program(process, home)
        finally:
            for number in (signal.SIGTERM, signal.SIGKILL):  # what it started may be slower to end than itself
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(END_S)
