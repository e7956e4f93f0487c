"""A stack that is started for a measurement and stopped after it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
from rich.console import Console

from infra.local.ports import free_port
from infra.local.stack import Stack
from models.storage import check_temporary
from streams.contract.settings import Settings

LOOK_S = 0.01

Progress = Callable[[str], None]  # is called with a line that says what happens now


def settings_under_test(model: str = "", weights: Path | None = None, engine: str | None = None) -> Settings:
    """The environment's settings with a single model. An argument that is empty keeps the environment's value.

    Raises:
        BadSetting: a variable cannot be used.
    """
    settings = Settings.from_environ()
    return settings.replace(
        models=(model,) if model else settings.models[:1],
        weights=str(weights.resolve()) if weights else settings.weights,
        engine=engine or settings.engine,
    )


@asynccontextmanager
async def started(
    settings: Settings, *, brokers: int = 1, workers: int = 1, gateways: int = 1, progress: Progress
) -> AsyncIterator[Stack]:
    """A stack that is ready, with its own brokers, registry, port and temporary folder; stopped at the end.

    Raises the errors of ``Stack.run``.
    """
    check_temporary()
    with tempfile.TemporaryDirectory(prefix="sightstream-loadtest-") as name:
        folder = Path(name)
        # models that are live in the user's registry must not be served here
        settings = settings.replace(
            port=free_port(settings.host, 0), registry=folder / "models", tls_cert="", tls_key=""
        )
        console = Console(stderr=True)
        stack = Stack(
            settings,
            folder,
            brokers=brokers,
            workers=workers,
            gateways=gateways,
            console=console,
            report_progress=progress,
            setting="TMPDIR",
        )
        ready = asyncio.Event()
        running = asyncio.create_task(stack.run(lambda _: ready.set()))
        waiting = asyncio.create_task(ready.wait())
        try:
            await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
            yield stack
        finally:
            waiting.cancel()
            running.cancel()
            await asyncio.gather(running, waiting, return_exceptions=True)


def process_of(stack: Stack, name: str) -> psutil.Process:
    """A running process of ``stack``: "broker-1", "gateway-1", "worker-1" and so on."""
    return psutil.Process(stack.pids[name])


def processes_of(stack: Stack) -> dict[str, psutil.Process]:
    """The first worker, broker and gateway, and this process, whose clients make the load."""
    return {
        "worker": process_of(stack, "worker-1"),
        "broker": process_of(stack, "broker-1"),
        "gateway": process_of(stack, "gateway-1"),
        "clients": psutil.Process(),
    }


async def wait_until(condition: Callable[[], bool], timeout_s: float) -> None:
    """Wait until ``condition`` is true.

    Raises:
        TimeoutError: it is still false after ``timeout_s`` seconds.
    """
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(LOOK_S)
