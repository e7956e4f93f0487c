"""A whole stack on one machine: brokers, topics, workers and gateways, kept running until it is stopped."""

import asyncio
import logging
import secrets
import signal
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from infra.client.gateway_url import websocket_url
from infra.client.trust import pinned
from infra.local.brokers import LocalBrokers
from infra.local.gateway_urls import local_urls, page_urls
from infra.local.kafka.security.users import NOBODY, Users
from infra.local.own_addresses import own_names
from infra.local.own_certificate import OwnCertificate, own_certificate
from infra.local.ports import free_ports, kept_ports
from infra.local.private_files import private_folder
from infra.local.processes import gateway_process, worker_process
from infra.local.readiness import Answer, first_answer, gateways_ready
from infra.local.scrape_targets import write_targets
from infra.local.supervisor import SupervisedProcess
from infra.local.topic_admin import create_topics, with_copies
from models.catalog import configured_specs, find
from models.picture_folder import shown
from models.storage import check_folder, write_file, writing
from streams.contract.addresses import address
from streams.contract.settings import Settings
from streams.contract.topics import topic_specs

log = logging.getLogger(__name__)

START_BYTES = 8_000_000  # that must be free in the folder at a start
LEAST_BYTES = 4_000_000  # and while the stack runs: enough to stop it in order
LOOK_EVERY_S = 1.0
NEW_ADDRESSES_EVERY_S = 60.0
BROKER_ADVICE = "check the address, or leave out --broker"


@dataclass(frozen=True, slots=True)
class Ready:
    """The addresses of a stack that serves, and the answer to a first picture."""

    urls: list[str]  # of the pages, the first gateway's first
    brokers: str
    answer: Answer


class Stack:
    """Starts brokers, workers and gateways, and keeps them running.

    Args:
        settings: for every process; the stack sets the brokers' addresses, the secret and what differs by process.
            The first gateway has their port.
        folder: for Kafka's data, the logs and the secret.
        brokers: how many nodes of a local Kafka to start, one or three; 0 uses the Kafka of ``settings.broker``.
        workers: how many.
        gateways: how many.
        console: shows the download of Kafka.
        report_progress: called with each step until the stack is ready.
        secure: let only known users use the local Kafka, over TLS, each with no more rights than it needs.
        makes_certificate: serve HTTPS with a certificate that is made in ``folder`` and renewed there.
        setting: the option or variable with which the user names another folder.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        *,
        brokers: int,
        workers: int,
        gateways: int,
        console: Console,
        report_progress: Callable[[str], None],
        secure: bool = False,
        makes_certificate: bool = False,
        setting: str = "--data-dir",
    ) -> None:
        self.setting = setting
        self.settings = with_copies(settings.replace(**NOBODY), brokers) if brokers else settings
        self.folder = folder
        self.workers = workers
        self.gateways = gateways
        self.ports = [settings.port]  # of the gateways; ``run`` adds the others
        self._report_progress = report_progress
        self.makes_certificate = makes_certificate
        self.certificate: OwnCertificate | None = None  # set by ``run``
        self.users = Users(folder / "kafka", self.settings, setting) if secure else None
        self.kafka = (
            LocalBrokers(
                folder / "kafka",
                brokers,
                cache=settings.cache,
                console=console,
                setting=setting,
                users=self.users,
            )
            if brokers
            else None
        )
        self._processes: list[SupervisedProcess] = []

    def report_progress(self, step: str) -> None:
        """Report a step, which may have the name of a folder or a log line in it."""
        self._report_progress(escape(shown(step)))

    @property
    def urls(self) -> list[str]:
        """The addresses of the gateways for programs on this machine; that of the first alone before ``run``."""
        return local_urls(self.settings, self.ports)

    @property
    def url(self) -> str:
        """The address of the first gateway for programs on this machine."""
        return self.urls[0]

    @property
    def page_urls(self) -> list[str]:
        """The addresses of the page for people, also on other devices if the gateways listen for them."""
        return page_urls(self.settings, self.ports, own_certificate=self.makes_certificate)

    @property
    def trust(self) -> ssl.SSLContext | None:
        """With what programs on this machine know the gateways; None if they serve plain HTTP."""
        return pinned(Path(self.settings.tls_cert)) if self.settings.tls_cert else None

    @property
    def websockets(self) -> list[str]:
        """The addresses that browsers and clients connect to, the first gateway's first."""
        return [websocket_url(url) for url in self.urls]

    @property
    def websocket(self) -> str:
        """The first gateway's."""
        return self.websockets[0]

    @property
    def pids(self) -> dict[str, int]:
        """The ids of the processes that run now, by name: "broker-1", "gateway-1", "worker-1", "worker-2"..."""
        pids = {each.name: each.pid for each in self._processes if each.pid is not None}
        return pids | self.kafka.pids if self.kafka else pids

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
        self._check_folders(START_BYTES)
        if self.kafka:
            self.kafka.check(START_BYTES)
        with writing(self.folder, self.setting):
            private_folder(self.folder / "logs")
            self.ports += self._further_ports()
        if self.makes_certificate:
            self.make_certificate()
        self.report_progress("looking for the models")
        await asyncio.to_thread(self._find_models)
        try:
            async with self._brokers() as brokers:
                self.settings = self.settings.replace(broker=brokers, secret=self.settings.secret or self._secret())
                self.settings = self._settings_of("operator")
                self.report_progress(f"creating topics on {brokers}")
                own = self.kafka is not None
                await create_topics(self.settings, topic_specs(self.settings), own=own, advice=BROKER_ADVICE)
                await self._keep_running(on_ready)
        except Exception:
            self._check_folders()  # a full disk shows itself as many errors
            raise

    def _further_ports(self) -> list[int]:
        """The ports of the gateways after the first, the same at each start where they are free."""
        names = [f"gateway-{number}" for number in range(2, self.gateways + 1)]
        ports = kept_ports(self.folder / "ports.json", names, host=self.settings.host, avoid={self.settings.port})
        return list(ports.values())

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
                    "the old authority may not sign for a new address: install %s/ca.crt again", self.page_urls[0]
                )

    async def _keep_running(self, on_ready: Callable[[Ready], None]) -> None:
        logs = self.folder / "logs"
        gateways = [
            gateway_process(self._settings_of("gateway"), logs, number, port)
            for number, port in enumerate(self.ports, 1)
        ]
        metrics_ports = free_ports(self.workers, avoid=self.ports)
        workers = [
            worker_process(self._settings_of("worker"), logs, number, port, self.workers)
            for number, port in enumerate(metrics_ports, 1)
        ]
        write_targets(
            self.folder,
            {each.name: address(self.settings.host, port) for each, port in zip(gateways, self.ports, strict=True)},
            {
                each.name: address(self.settings.metrics_host, port)
                for each, port in zip(workers, metrics_ports, strict=True)
            },
            self.setting,
            Path(self.settings.tls_cert) if self.settings.tls_cert else None,
        )
        self._processes = [*gateways, *workers]
        first, *others = workers
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_folders())
            if self.makes_certificate:
                tasks.create_task(self._keep_certificate())
            if self.kafka:
                tasks.create_task(self.kafka.keep_running())
            for each in (*gateways, first):
                tasks.create_task(each.run())
            await gateways_ready(self.urls, self.trust, [*gateways, first], self.report_progress)
            answer = await first_answer(self.websocket, self.trust)
            # the others find the caches that the first worker has filled
            for each in others:
                tasks.create_task(each.run())
            on_ready(Ready(self.page_urls, ",".join(self.settings.broker), answer))

    @asynccontextmanager
    async def _brokers(self) -> AsyncIterator[str]:
        """The addresses of Kafka; a local one runs inside the block."""
        if self.kafka is None:
            yield ",".join(self.settings.broker)
            return
        self.report_progress("starting Kafka")
        async with self.kafka.running() as addresses:
            yield addresses

    def _settings_of(self, role: str) -> Settings:
        """The settings of a process that connects to Kafka in this role."""
        if self.users is None:
            return self.settings
        return self.settings.replace(**self.users.settings(role, self.settings.broker))

    async def _watch_folders(self) -> None:
        """Ends the stack in order, with the data that it has, before a folder is full."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await asyncio.to_thread(self._check_folders)

    def _check_folders(self, needed: int = LEAST_BYTES) -> None:
        for name in (".", "kafka", "logs"):  # each may be on a disk of its own, or somebody else's
            check_folder(self.folder / name, self.setting, needed)

    def _secret(self) -> str:
        """The key that signs session tokens, kept in the folder so that tokens stay valid after a restart."""
        path = self.folder / "secret"
        if not path.exists() or not path.read_text().strip():
            write_file(path, secrets.token_hex(32).encode(), self.setting, mode=0o600)
        return path.read_text().strip()
