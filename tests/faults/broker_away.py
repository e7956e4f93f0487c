"""Workers and a gateway, started by hand, whose broker stops at random moments, stays away and comes back.

    python -m tests.faults.broker_away --rounds 10 --away 60

Each round starts a second worker, and stops the broker soon after: while that worker loads its model, joins the
group, restores its table or serves already, so also in the middle of the rebalance that it causes. The second worker
then gets SIGTERM while the broker is away. A browser's client streams all the time.
"""

import argparse
import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from infra.client.client import Client
from infra.client.media_source import MediaFrame
from infra.loadtest.sample_frames import endless_samples
from infra.local.kafka.server import LocalKafka
from infra.local.ports import free_port
from infra.local.topic_admin import create_topics
from streams.contract.settings import Settings
from streams.contract.topics import topic_specs
from web.messages import Labels

SERVING_S = 60.0  # the longest wait until sessions are served
EXIT_S = 60.0
LATEST_STOP_S = 12.0  # after the second worker's start; it serves after about 8 s


class ByHand:
    """A process that nothing restarts, and what it costs."""

    def __init__(self, name: str, argv: Sequence[str], settings: Settings, folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}-{time.time():.0f}.log"
        environ = {**os.environ, "PYTHONUNBUFFERED": "1", **settings.to_environ()}
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *argv],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def cpu_s(self) -> float:
        """The seconds of CPU that it has used."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    @property
    def log_lines(self) -> int:
        """How many lines it has logged."""
        return self.log.read_bytes().count(b"\n")

    async def terminate(self) -> float:
        """Send SIGTERM; returns the seconds until it has ended, which are ``EXIT_S`` if it does not end."""
        started = time.monotonic()
        self.process.terminate()
        while self.process.poll() is None and time.monotonic() - started < EXIT_S:
            await asyncio.sleep(0.02)
        return time.monotonic() - started

    def kill(self) -> None:
        """End it, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def worker_command(folder: Path) -> list[str]:
    """The module and the arguments that start a worker with this data folder."""
    return ["faust", "--datadir", str(folder), "-A", "streams.worker", "worker", "-l", "info"]


@dataclass
class Meter:
    """What a process costs from now on."""

    process: ByHand
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._cpu_s, self._lines = self.process.cpu_s, self.process.log_lines

    def read(self) -> tuple[float, int]:
        """The share of a core, from 0 to 1, and the number of log lines."""
        took = time.monotonic() - self.started
        return (self.process.cpu_s - self._cpu_s) / took, self.process.log_lines - self._lines


@dataclass(frozen=True)
class Round:
    """A stay of the broker away, and what followed.

    ``stopped_by`` is the signal. ``exit_s`` and ``exit_code`` are those of the second worker, which got SIGTERM
    meanwhile, ``gateway_exit_s`` is that of a second gateway. ``serving_s`` are the seconds from the broker's return
    until a frame that was sent after it has its labels.
    """

    stopped_by: str
    after_s: float
    worker_core: float
    worker_lines: int
    gateway_core: float
    gateway_lines: int
    exit_s: float
    exit_code: int | None
    gateway_exit_s: float
    serving_s: float


class HandStartedStack:
    """A broker, a worker, a gateway, and a client that streams through them."""

    def __init__(self, folder: Path, kafka: LocalKafka, settings: Settings) -> None:
        self.folder = folder
        self.kafka = kafka
        self.settings = settings
        self.served_since = 0.0
        self.worker = self.start_worker("worker-1")
        self.gateway = self.start_gateway("gateway", settings)
        self.url = f"{settings.host}:{settings.port}"
        url = f"ws://{self.url}/ws"
        self.client = Client(url, endless_samples, fps=5.0, on_answer=self._note)

    def start_worker(self, name: str) -> ByHand:
        """Start a worker as the README does."""
        return ByHand(name, worker_command(self.folder / name), self.settings, self.folder)

    def start_gateway(self, name: str, settings: Settings) -> ByHand:
        """Start a gateway on the port of ``settings``."""
        return ByHand(name, ["infra.commands", "gateway"], settings, self.folder)

    async def ready(self) -> None:
        """Wait until the gateway's canary was answered."""
        async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(120):
            while True:
                with suppress(httpx.TransportError):
                    if (await http.get(f"http://{self.url}/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.2)

    async def serving(self) -> float:
        """The seconds until a frame that is sent from now on is answered, which are ``SERVING_S`` if none is."""
        now = time.monotonic()
        while self.served_since < now and time.monotonic() - now < SERVING_S:
            await asyncio.sleep(0.02)
        return time.monotonic() - now

    async def stop_broker(self, number: signal.Signals) -> None:
        """Let the broker be away."""
        assert self.kafka.nodes[0].pid is not None
        os.kill(self.kafka.nodes[0].pid, number)
        if number != signal.SIGSTOP:
            await self.kafka.nodes[0].wait()

    async def return_broker(self) -> None:
        """Let the broker be back."""
        if self.kafka.nodes[0].pid is not None:
            os.kill(self.kafka.nodes[0].pid, signal.SIGCONT)
        else:
            await self.kafka.start()

    async def round(self, number: signal.Signals, after_s: float, away_s: float, sigterm_s: float) -> Round:
        """Stop the broker ``after_s`` seconds after the start of a second worker, for ``away_s`` seconds.

        The second worker gets SIGTERM when the broker has been away for ``sigterm_s``.
        """
        second = self.start_worker("worker-2")
        other = self.start_gateway("gateway-2", self.settings.replace(port=free_port(self.settings.host, 0)))
        try:
            await asyncio.sleep(after_s)
            worker, gateway = Meter(self.worker), Meter(self.gateway)
            await self.stop_broker(number)
            await asyncio.sleep(sigterm_s)
            exit_s, gateway_exit_s = await asyncio.gather(second.terminate(), other.terminate())
            await asyncio.sleep(max(0.0, away_s - sigterm_s - exit_s))
            (worker_core, worker_lines), (gateway_core, gateway_lines) = worker.read(), gateway.read()
            await self.return_broker()
            serving_s = await self.serving()
        finally:
            second.kill()
            other.kill()
        return Round(
            number.name,
            after_s,
            worker_core,
            worker_lines,
            gateway_core,
            gateway_lines,
            exit_s,
            second.process.poll(),
            gateway_exit_s,
            serving_s,
        )

    def _note(self, _: MediaFrame, __: Labels, round_trip_ms: float) -> None:
        self.served_since = max(self.served_since, time.monotonic() - round_trip_ms / 1000)


@asynccontextmanager
async def hand_started(folder: Path) -> AsyncIterator[HandStartedStack]:
    """A stack that serves; all of it ends with the block."""
    settings = Settings.from_environ().replace(models=("efficientnet_lite0",), secret="not secret", worker_name="")
    settings = settings.replace(port=free_port(settings.host, 0), registry=folder / "models")
    kafka = LocalKafka(folder / "kafka", cache=settings.cache)
    await kafka.start()
    try:
        settings = settings.replace(broker=(kafka.bootstrap,))
        await create_topics(Settings(broker=(kafka.bootstrap,)), topic_specs(settings))
        stack = HandStartedStack(folder, kafka, settings)
        await stack.ready()
        streaming = asyncio.create_task(stack.client.run())
        try:
            await stack.serving()
            yield stack
        finally:
            streaming.cancel()
            await asyncio.gather(streaming, return_exceptions=True)
            stack.worker.kill()
            stack.gateway.kill()
    finally:
        if kafka.nodes[0].pid is not None:
            os.kill(kafka.nodes[0].pid, signal.SIGCONT)
        await kafka.stop()


SIGNALS = (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP)


async def run(rounds: int, away_s: float, seed: int, folder: Path, report: Callable[[Round], None]) -> None:
    """Run ``rounds`` rounds with a stay of ``away_s`` seconds each."""
    chance = random.Random(seed)
    async with hand_started(folder) as stack:
        for number in range(rounds):
            moment = chance.uniform(0.0, LATEST_STOP_S)
            report(await stack.round(SIGNALS[number % len(SIGNALS)], moment, away_s, chance.uniform(0.0, away_s / 2)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--away", type=float, default=60.0, help="seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="keeps the logs; a temporary folder by default")
    options = parser.parse_args()

    def report(each: Round) -> None:
        print(each, flush=True)

    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        asyncio.run(run(options.rounds, options.away, options.seed, folder, report))


if __name__ == "__main__":
    main()
