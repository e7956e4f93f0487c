"""Keeps one process of a stack running: starts it, restarts it when it ends, and stops it."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infra.local import parent_watch
from infra.local.private_files import open_private
from models.processes.last_error import why_it_ended

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024  # of the log that are looked at for an error


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How long to wait before a restart, in seconds. The wait doubles until a process has run for ``healthy_s``."""

    first_wait_s: float = 0.3
    longest_wait_s: float = 10.0
    healthy_s: float = 20.0

    def next_wait(self, last_wait_s: float, ran_s: float) -> float:
        """The wait after a process that ran for ``ran_s``, when the wait before that run was ``last_wait_s``."""
        return self.first_wait_s if ran_s > self.healthy_s else min(self.longest_wait_s, 2 * last_wait_s)


class SupervisedProcess:
    """A command that is kept running while ``run`` runs.

    Its output goes to ``log_file``, which only its owner can read. The first start, and each restart after
    ``max_log_bytes``, begins a new log file and keeps the one before as ``.old``. ``grace_s`` is the time between
    SIGTERM and SIGKILL.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        environ: Mapping[str, str],
        log_file: Path,
        policy: RestartPolicy = RestartPolicy(),
        grace_s: float = 8.0,
        max_log_bytes: int = 10_000_000,
    ) -> None:
        self.name = name
        self.argv = argv
        self.environ = environ
        self.log_file = log_file
        self.policy = policy
        self.grace_s = grace_s
        self.max_log_bytes = max_log_bytes
        self.starts = 0
        self.why_it_ended = ""  # a sentence with the error of the last run that ended, and the log's path
        self._log_start = 0  # where the output of the last run begins, in bytes
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The id of the process; None while it is not running."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def run(self) -> None:
        """Keep the command running until cancelled, then stop it and all processes that it started."""
        wait_s = self.policy.first_wait_s
        try:
            while True:
                started = time.monotonic()
                code = await (await self._start()).wait()
                self.why_it_ended = self._why(code)
                wait_s = self.policy.next_wait(wait_s, time.monotonic() - started)
                log.warning("%s ended (%s): restarting it; %s", self.name, describe_exit(code), self.why_it_ended)
                await asyncio.sleep(wait_s)
        finally:
            await self._stop()

    def last_log_line(self) -> str:
        """A sentence with the last line of the log and the log's path."""
        with suppress(OSError):
            lines = self.log_file.read_text(errors="replace").rstrip().splitlines()
            if lines:
                return f"last log line: {lines[-1][:300]} (see {self.log_file})"
        return f"nothing in {self.log_file} yet"

    def _why(self, code: int) -> str:
        with suppress(OSError), self.log_file.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_start, end - MOST_BYTES))
            output = file.read().decode(errors="replace")
            return f"{why_it_ended(output, code)} (see {self.log_file})"
        return f"{self.log_file} cannot be read"

    async def _start(self) -> asyncio.subprocess.Process:
        self.starts += 1
        with suppress(FileNotFoundError):
            if self.starts == 1 or self.log_file.stat().st_size > self.max_log_bytes:
                self.log_file.replace(self.log_file.with_suffix(".old"))
        with open_private(self.log_file) as output:
            self._log_start = output.seek(0, os.SEEK_END)
            self._process = await asyncio.create_subprocess_exec(
                *parent_watch.command(self.argv),
                env=self.environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C reaches only the supervisor, which then stops its processes in order
                start_new_session=True,
            )
        return self._process

    async def _stop(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(TimeoutError):
                async with asyncio.timeout(self.grace_s):
                    await self._process.wait()
                    return


def describe_exit(code: int) -> str:
    """An exit code in words, such as "exit code 1" or "SIGKILL"."""
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
