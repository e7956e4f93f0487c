"""Starts the process of ``engine_only`` and asks it for figures. Nothing here loads an engine."""

import asyncio
import os
import sys

from streams.contract.settings import Settings


class EngineFailed(Exception):
    """The process of the engine ended; its own message is on standard error."""


class EngineOnly:
    """The engine alone in a child process, which measures only on request.

    ``precision`` is the engine's own name for its numbers, such as "bf16".
    """

    precision = ""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    async def __aenter__(self) -> "EngineOnly":
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "infra.loadtest.engine_only",
            env={**os.environ, **self.settings.to_environ()},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self.precision = await self._line()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    @property
    def pid(self) -> int:
        """The process that runs the engine."""
        return self._process.pid

    async def frames_per_second(self, seconds: float, batch: int) -> float:
        """Frames a second in batches of ``batch``. Raises EngineFailed."""
        return await self._ask(f"fps {seconds} {batch}")

    async def batch_one_ms(self, seconds: float) -> float:
        """The median time to classify one picture, in milliseconds, at ten pictures a second. Raises EngineFailed."""
        return await self._ask(f"ms {seconds}")

    async def _ask(self, command: str) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n".encode())
        return float(await self._line())

    async def _line(self) -> str:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise EngineFailed("the engine alone does not run; its error is above")
        return line.decode().strip()
