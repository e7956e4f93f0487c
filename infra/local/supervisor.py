"""One process of a stack: started, watched, started again when it dies, and stopped with it."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from infra.local import parent_watch

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.3
LONGEST_WAIT_S = 10.0
HEALTHY_S = 20.0  # a child that lived so long starts again at once
GRACE_S = 8.0
LOG_BYTES = 10_000_000


class SupervisedProcess:
    """A command that is kept running. Its output goes to ``log_file``, the former one beside it as ``.old``."""

    def __init__(self, name: str, argv: Sequence[str], *, environ: Mapping[str, str], log_file: Path) -> None:
        self.name = name
        self.argv = argv
        self.environ = environ
        self.log_file = log_file
        self.starts = 0
        self.process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self.process.pid if self.process and self.process.returncode is None else None

    async def run(self) -> None:
        """Keep the command running until cancelled, then stop it."""
        wait = FIRST_WAIT_S
        try:
            while True:
                started = time.monotonic()
                await self._start()
                assert self.process is not None
                code = await self.process.wait()
                wait = FIRST_WAIT_S if time.monotonic() - started > HEALTHY_S else min(LONGEST_WAIT_S, wait * 2)
                log.warning("%s ended (%s): starting it again; %s", self.name, how_it_ended(code), self.last_words())
                await asyncio.sleep(wait)
        finally:
            await self._stop()

    def last_words(self) -> str:
        """The last line of its log, and where to read the rest."""
        with suppress(OSError):
            lines = self.log_file.read_text(errors="replace").rstrip().splitlines()
            if lines:
                return f"it said: {lines[-1][:300]} (more in {self.log_file})"
        return f"it said nothing in {self.log_file}"

    async def _start(self) -> None:
        self.starts += 1
        with suppress(FileNotFoundError):
            if self.starts == 1 or self.log_file.stat().st_size > LOG_BYTES:
                self.log_file.replace(self.log_file.with_suffix(".old"))
        with self.log_file.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                *parent_watch.command(self.argv),
                env=self.environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the supervisor, which then stops its children in order
            )

    async def _stop(self) -> None:
        if self.process is None or self.process.returncode is not None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE_S):
                    await self.process.wait()
                    return


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
