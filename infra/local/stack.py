"""A whole stack on one machine: broker, topics, workers and gateway, kept running until it is stopped."""

import asyncio
import logging
import os
import secrets
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from aiokafka.errors import KafkaConnectionError, KafkaError
from rich.console import Console
from rich.markup import escape

from infra.client.client import Client, Refused
from infra.client.media_source import MediaFrame, PresentView, video_frame
from infra.client.trust import pinned
from infra.local.errors import StackError
from infra.local.kafka.server import LocalKafka
from infra.local.own_addresses import main_address, own_names, reachable
from infra.local.own_certificate import OwnCertificate, own_certificate
from infra.local.ports import free_ports
from infra.local.private_files import private_folder
from infra.local.scrape_targets import write_targets
from infra.local.supervisor import SupervisedProcess, describe_exit
from infra.local.topic_admin import create_topics
from models.catalog import configured_specs, find
from models.engines.cores import available_cores
from models.picture_folder import shown
from models.storage import check_folder, write_file, writing
from streams.contract.addresses import address
from streams.contract.settings import Settings
from streams.contract.topics import topic_specs
from web import SAMPLES
from web.messages import Labels
from web.security.certificates import names_of, read_certificates

log = logging.getLogger(__name__)

PICTURE = SAMPLES / "cat.jpg"
MAX_STARTS = 3  # of a process before the stack has been ready once
POLL_S = 0.1
BROKER_TIMEOUT_S = 15.0
START_BYTES = 8_000_000  # that must be free in the folder at a start
LEAST_BYTES = 4_000_000  # and while the stack runs: enough to stop it in order
LOOK_EVERY_S = 1.0
NEW_ADDRESSES_EVERY_S = 60.0
BROKER_ADVICE = "check the address, or leave out --broker"


class BrokerUnreachable(StackError):
    """No broker answers at the addresses of the settings."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The label of a picture that went through the whole stack."""

    url: str
    broker: str
    label: str
    probability: float
    took_ms: float


class Stack:
    """Starts a broker, workers and a gateway, and keeps them running.

    Args:
        settings: for every process; the stack sets the broker's address, the secret and what differs by process.
        folder: for Kafka's data, the logs and the secret.
        local_broker: start a local Kafka; otherwise ``settings.broker`` names the one to use.
        workers: how many.
        console: shows the download of Kafka.
        report_progress: called with each step until the stack is ready.
        makes_certificate: serve HTTPS with a certificate that is made in ``folder`` and renewed there.
        setting: the option or variable with which the user names another folder.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        *,
        local_broker: bool,
        workers: int,
        console: Console,
        report_progress: Callable[[str], None],
        makes_certificate: bool = False,
        setting: str = "--data-dir",
    ) -> None:
        self.setting = setting
        self.settings = settings
        self.folder = folder
        self.workers = workers
        self._report_progress = report_progress
        self.makes_certificate = makes_certificate
        self.certificate: OwnCertificate | None = None  # set by ``run``
        self.kafka = LocalKafka(folder / "kafka", cache=settings.cache, console=console) if local_broker else None
        self._processes: list[SupervisedProcess] = []

    def report_progress(self, step: str) -> None:
        """Report a step, which may have the name of a folder or a log line in it."""
        self._report_progress(escape(shown(step)))

    @property
    def url(self) -> str:
        """The address of the gateway for programs on this machine."""
        return self._url(reachable(self.settings.host))

    @property
    def page_url(self) -> str:
        """The address of the page for people, also on other devices if the gateway listens for them."""
        host = main_address(self.settings.host)
        if self.settings.tls_cert and not self.makes_certificate:
            names = names_of(read_certificates(Path(self.settings.tls_cert))[0])
            host = host if host in names else next((each for each in names if "*" not in each), host)
        return self._url(host)

    def _url(self, host: str) -> str:
        scheme = "https" if self.settings.tls_cert else "http"
        return f"{scheme}://{address(host, self.settings.port)}"

    @property
    def trust(self) -> ssl.SSLContext | None:
        """With what programs on this machine know the gateway; None if it serves plain HTTP."""
        return pinned(Path(self.settings.tls_cert)) if self.settings.tls_cert else None

    @property
    def websocket(self) -> str:
        """The address that browsers and clients connect to."""
        return f"{self.url.replace('http', 'ws', 1)}/ws"

    @property
    def pids(self) -> dict[str, int]:
        """The ids of the processes that run now, by name: "broker", "gateway", "worker-1", "worker-2"..."""
        pids = {each.name: each.pid for each in self._processes}
        if self.kafka:
            pids["broker"] = self.kafka.pid
        return {name: pid for name, pid in pids.items() if pid is not None}

    async def run_until_signal(self, on_ready: Callable[[Ready], None]) -> None:
        """``run`` until SIGINT or SIGTERM."""
        running = asyncio.ensure_future(self.run(on_ready))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, running.cancel)
        with suppress(asyncio.CancelledError):
            await running

    async def run(self, on_ready: Callable[[Ready], None]) -> None:
        """Run until cancelled, and call ``on_ready`` once. Nothing is left running when this ends.

        Raises:
            StackError: something does not start, or cannot be restarted. It may be in an ExceptionGroup.
            Unwritable: the folder or the cache cannot be written, or is full, now or later. It may be in a group.
            What `models.catalog.find` raises: a model cannot be served.
        """
        self._check_folder(START_BYTES)
        with writing(self.folder, self.setting):
            private_folder(self.folder / "logs")
        if self.makes_certificate:
            self.make_certificate()
        self.report_progress("looking for the models")
        await asyncio.to_thread(self._find_models)
        try:
            async with self._broker() as brokers:
                self.settings = self.settings.replace(broker=brokers, secret=self.settings.secret or self._secret())
                await self._create_topics()
                await self._keep_running(on_ready)
        except Exception:
            self._check_folder()  # a full disk shows itself as many errors
            raise

    def _find_models(self) -> None:
        """Find out before anything starts whether the workers can load their models."""
        settings = self.settings
        weights = Path(settings.weights) if settings.weights else None
        for spec in configured_specs(settings.models, weights, settings.registry).values():
            find(spec.model, settings.cache, spec.weights)

    def make_certificate(self) -> None:
        """Make the certificate, or make it anew if that is due, and use it."""
        names = own_names(self.settings.host)
        own = self.certificate = own_certificate(self.folder / "tls", names, self.setting)
        self.settings = self.settings.replace(tls_cert=str(own.certificate), tls_key="", tls_ca=str(own.authority))

    async def _keep_certificate(self) -> None:
        """Makes the certificate anew when this machine has got another address, or when its end is near."""
        while True:
            await asyncio.sleep(NEW_ADDRESSES_EVERY_S)
            await asyncio.to_thread(self.make_certificate)
            if self.certificate and self.certificate.is_new:
                log.warning(
                    "the old authority may not sign for a new address: install %s/ca.crt again", self.page_url
                )

    async def _keep_running(self, on_ready: Callable[[Ready], None]) -> None:
        gateway = self._process("gateway", [sys.executable, "-m", "infra.commands", "gateway"])
        metrics_ports = {f"worker-{number}": port for number, port in enumerate(free_ports(self.workers), 1)}
        first, *others = workers = [self._worker(name, port) for name, port in metrics_ports.items()]
        write_targets(
            self.folder,
            address(self.settings.host, self.settings.port),
            {name: address(self.settings.metrics_host, port) for name, port in metrics_ports.items()},
            self.setting,
            Path(self.settings.tls_cert) if self.settings.tls_cert else None,
        )
        self._processes = [gateway, *workers]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_folder())
            if self.makes_certificate:
                tasks.create_task(self._keep_certificate())
            if self.kafka:
                tasks.create_task(self._keep_broker_running(self.kafka))
            tasks.create_task(gateway.run())
            tasks.create_task(first.run())
            ready = await self._wait_until_ready(gateway, first)
            # the others find the caches that the first worker has filled
            for worker in others:
                tasks.create_task(worker.run())
            on_ready(ready)

    @asynccontextmanager
    async def _broker(self) -> AsyncIterator[tuple[str, ...]]:
        """The broker's addresses; a local broker runs inside the block."""
        if self.kafka is None:
            yield self.settings.broker
            return
        self.report_progress("starting Kafka")
        await self.kafka.start()
        try:
            yield (self.kafka.bootstrap,)
        finally:
            await self.kafka.stop()

    async def _keep_broker_running(self, kafka: LocalKafka) -> None:
        bootstrap = kafka.bootstrap
        while True:
            code = await kafka.wait()
            self._check_folder()
            log.warning("Kafka ended (%s): restarting it; %s", describe_exit(code), kafka.why_it_ended())
            await kafka.start()
            if kafka.bootstrap != bootstrap:
                raise StackError(
                    f"another program took Kafka's port {bootstrap} while Kafka was down: start the stack again"
                )

    async def _watch_folder(self) -> None:
        """Ends the stack in order, with the data that it has, before the folder is full."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await asyncio.to_thread(self._check_folder)

    def _check_folder(self, needed: int = LEAST_BYTES) -> None:
        for name in (".", "kafka", "logs"):  # each may be on a disk of its own, or somebody else's
            check_folder(self.folder / name, self.setting, needed)

    async def _create_topics(self) -> None:
        brokers = ",".join(self.settings.broker)
        self.report_progress(f"creating topics on {brokers}")
        try:
            async with asyncio.timeout(BROKER_TIMEOUT_S):
                await create_topics(self.settings, topic_specs(self.settings))
        except TimeoutError as error:
            raise BrokerUnreachable(
                f"no Kafka answers at {brokers} within {BROKER_TIMEOUT_S:.0f} s: {BROKER_ADVICE}"
            ) from error
        except (KafkaError, OSError) as error:
            why = "no connection" if isinstance(error, KafkaConnectionError) else error
            raise BrokerUnreachable(f"Kafka at {brokers} cannot be used ({why}): {BROKER_ADVICE}") from error

    async def _wait_until_ready(self, gateway: SupervisedProcess, worker: SupervisedProcess) -> Ready:
        """Wait for the gateway's canary, then send a picture as a browser does."""
        async with httpx.AsyncClient(trust_env=False, verify=self.trust or True) as http:
            while True:
                for process in (gateway, worker):
                    if process.starts > MAX_STARTS:
                        raise StackError(f"{process.name} does not start; {process.why_it_ended}")
                self.report_progress(f"starting worker and gateway; {worker.last_log_line()}")
                with suppress(httpx.TransportError):
                    if (await http.get(f"{self.url}/readyz")).status_code == 200:
                        break
                await asyncio.sleep(POLL_S)
        answers: list[Ready] = []

        def answered(_: MediaFrame, message: Labels, ms: float) -> None:
            top = message.labels[0]
            answers.append(Ready(self.page_url, ",".join(self.settings.broker), top.label, top.probability, ms))

        while not answers:
            with suppress(Refused):
                await Client(self.websocket, sample_picture, trust=self.trust, on_answer=answered).run(5.0)
        return answers[0]

    def _process(self, name: str, argv: list[str], **settings: Any) -> SupervisedProcess:
        environ = {**os.environ, "PYTHONUNBUFFERED": "1", **self.settings.replace(**settings).to_environ()}
        return SupervisedProcess(name, argv, environ=environ, log_file=self.folder / "logs" / f"{name}.log")

    def _worker(self, name: str, metrics_port: int) -> SupervisedProcess:
        quiet = ["--quiet"] if self.settings.log == "json" else []  # no banner between the JSON lines
        faust = [sys.executable, "-m", "faust", "-A", "streams.worker", *quiet]
        argv = [*faust, "worker", "-l", "info"]
        threads = self.settings.threads or max(1, available_cores() // self.workers)
        worker_name = f"{socket.gethostname()}-{name.removeprefix('worker-')}"
        return self._process(name, argv, threads=threads, worker_name=worker_name, metrics_port=metrics_port)

    def _secret(self) -> str:
        """The key that signs session tokens, kept in the folder so that tokens stay valid after a restart."""
        path = self.folder / "secret"
        if not path.exists() or not path.read_text().strip():
            write_file(path, secrets.token_hex(32).encode(), self.setting, mode=0o600)
        return path.read_text().strip()


async def sample_picture(view: PresentView) -> AsyncIterator[MediaFrame]:
    """The sample picture, once."""
    yield MediaFrame(PICTURE, video_frame(PICTURE, view()))
