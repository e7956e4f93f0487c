"""A whole stack on one machine: broker, topics, workers, gateway, all kept running until it is told to stop."""

import asyncio
import logging
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from aiokafka.errors import KafkaConnectionError
from rich.console import Console

from infra.client.client import Client, Refused
from infra.client.media_source import MediaFrame
from infra.local.kafka.server import LocalKafka
from infra.local.scrape_targets import free_ports, write_targets
from infra.local.supervisor import SupervisedProcess
from infra.local.topic_admin import create_topics
from models.engines.cores import available_cores
from streams.contract.settings import Settings
from streams.contract.topics import topic_specs
from web import SAMPLES
from web.messages import Labels

log = logging.getLogger(__name__)

PICTURE = SAMPLES / "cat.jpg"
MAX_STARTS = 3  # of a child before the stack has been ready once
LOOK_S = 0.1
BROKER_PATIENCE_S = 15.0


class StackFailed(Exception):
    """The stack cannot be started, or cannot go on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The proof that the stack works: a picture went through all of it."""

    url: str
    broker: str
    label: str
    probability: float
    took_ms: float


class Stack:
    """Starts broker (unless ``broker`` names one), ``workers`` workers and a gateway, and keeps them running.

    ``say`` is told what is going on while it starts.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        *,
        local_broker: bool,
        workers: int,
        console: Console,
        say: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.workers = workers
        self.say = say
        self.kafka = LocalKafka(folder / "kafka", cache=settings.cache, progress=console) if local_broker else None
        self.children: list[SupervisedProcess] = []

    @property
    def url(self) -> str:
        """Where the gateway is."""
        return f"http://{self.settings.host}:{self.settings.port}"

    @property
    def websocket(self) -> str:
        """Where browsers and clients connect."""
        return f"{self.url.replace('http', 'ws', 1)}/ws"

    async def run(self, on_ready: Callable[[Ready], None]) -> None:
        """Run until cancelled; then nothing is left running.

        Raises:
            StackFailed: something does not start.
        """
        logs = self.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        async with self._broker() as address:
            self.settings = replace(self.settings, broker=address, secret=self.settings.secret or self._secret())
            await self._create_topics()
            gateway = self._child("gateway", [sys.executable, "-m", "infra.commands", "gateway"])
            ports = free_ports(self.workers)
            first, *others = [self._worker(number, port) for number, port in enumerate(ports, 1)]
            write_targets(
                self.folder,
                f"{self.settings.host}:{self.settings.port}",
                {f"worker-{number}": f"{self.settings.metrics_host}:{port}" for number, port in enumerate(ports, 1)},
            )
            self.children = [gateway, first, *others]
            async with asyncio.TaskGroup() as tasks:
                if self.kafka:
                    tasks.create_task(self._keep_broker(self.kafka))
                running = [tasks.create_task(gateway.run()), tasks.create_task(first.run())]
                ready = await self._until_ready(gateway, first)
                # the first worker has filled the caches that the others now find
                running += [tasks.create_task(each.run()) for each in others]
                on_ready(ready)
                await asyncio.gather(*running)

    @asynccontextmanager
    async def _broker(self) -> AsyncIterator[tuple[str, ...]]:
        if self.kafka is None:
            yield self.settings.broker
            return
        self.say("starting Kafka")
        await self.kafka.start()
        try:
            yield (self.kafka.bootstrap,)
        finally:
            await self.kafka.stop()

    async def _keep_broker(self, kafka: LocalKafka) -> None:
        where = kafka.bootstrap
        while True:
            code = await kafka.wait()
            log.warning("Kafka ended (%s): starting it again", code)
            await kafka.start()
            if kafka.bootstrap != where:
                raise StackFailed(f"Kafka's port {where} was taken while it was down: start the stack again")

    async def _create_topics(self) -> None:
        where = ",".join(self.settings.broker)
        self.say(f"creating topics on {where}")
        try:
            async with asyncio.timeout(BROKER_PATIENCE_S):
                await create_topics(where, topic_specs(self.settings))
        except (KafkaConnectionError, OSError, TimeoutError) as error:
            raise StackFailed(
                f"no Kafka answers at {where} ({error or 'timed out'}): check the address, or leave out --broker"
            ) from error

    async def _until_ready(self, gateway: SupervisedProcess, worker: SupervisedProcess) -> Ready:
        """Wait for the gateway's canary, then send a picture the way a browser does."""
        async with httpx.AsyncClient(trust_env=False) as http:
            while True:
                for child in (gateway, worker):
                    if child.starts > MAX_STARTS:
                        raise StackFailed(f"the {child.name} does not start; {child.last_words()}")
                self.say(f"starting worker and gateway; {worker.last_words()}")
                with suppress(httpx.TransportError):
                    if (await http.get(f"{self.url}/readyz")).status_code == 200:
                        break
                await asyncio.sleep(LOOK_S)
        answers: list[Ready] = []

        def answered(_: MediaFrame, message: Labels, ms: float) -> None:
            top = message.labels[0]
            answers.append(Ready(self.url, ",".join(self.settings.broker), top.label, top.probability, ms))

        while not answers:
            with suppress(Refused):
                await Client(self.websocket, one_picture, on_answer=answered).run(5.0)
        return answers[0]

    def _child(self, name: str, argv: list[str], **settings: Any) -> SupervisedProcess:
        environ = {**os.environ, "PYTHONUNBUFFERED": "1", **replace(self.settings, **settings).to_environ()}
        return SupervisedProcess(name, argv, environ=environ, log_file=self.folder / "logs" / f"{name}.log")

    def _worker(self, number: int, metrics_port: int) -> SupervisedProcess:
        data = self.folder / f"worker-{number}"
        quiet = ["--quiet"] if self.settings.log == "json" else []  # no banner among the JSON lines
        faust = [sys.executable, "-m", "faust", "-A", "streams.worker", *quiet, "--datadir", str(data)]
        argv = [*faust, "worker", "-l", "info"]
        threads = self.settings.threads or max(1, available_cores() // self.workers)
        name = f"{socket.gethostname()}-{number}"
        return self._child(f"worker-{number}", argv, threads=threads, worker_name=name, metrics_port=metrics_port)

    def _secret(self) -> str:
        """The secret of this folder's session tokens, which so outlive a restart."""
        path = self.folder / "secret"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32))
        return path.read_text().strip()


async def one_picture(size: int) -> AsyncIterator[MediaFrame]:
    """The sample picture, once; it is a square JPEG already."""
    yield MediaFrame(PICTURE, PICTURE.read_bytes())
