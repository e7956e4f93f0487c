"""One node of the local Kafka: a child process and its folder."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.local import parent_watch
from infra.local.errors import StackError
from infra.local.kafka.configuration import (
    CONSOLE,
    HOST,
    LOG,
    LOG_SETTINGS,
    SERVER_PROPERTIES,
    Ports,
    log_settings,
    server_properties,
)
from infra.local.kafka.log import read_failure
from infra.local.kafka.probe import serves
from infra.local.kafka.security.identity import Identity
from infra.local.kafka.storage import BrokerFolderBroken, Storage
from infra.local.private_files import open_private
from infra.local.supervisor import describe_exit

_POLL_S = 0.05

Command = Callable[..., list[str]]  # (heap, main class, *arguments)


class BrokerSilent(StackError):
    """The broker was started and did not answer."""


class PortTaken(StackError):
    """Another program took the port after the check that it was free."""

    def __init__(self, port: int) -> None:
        super().__init__(f"another program has taken Kafka's port {port} on {HOST}: end it, or start the stack again")
        self.port = port


class Node:
    """A broker that is also a controller. It can be started again after it was stopped, died or was killed.

    Args:
        number: its id in the cluster, 1 for the first.
        folder: for its data, settings and logs.
        heap: the largest size of Java's heap, such as "256m".
        is_copied: whether other nodes have copies of its data.
        identity: its certificate, where clients need a user.
    """

    def __init__(
        self, number: int, folder: Path, heap: str, *, is_copied: bool, identity: Identity | None = None
    ) -> None:
        self.number = number
        self.identity = identity
        self.storage = Storage(folder, number, is_copied=is_copied)
        self._heap = heap
        self._ports = Ports(0, 0)
        self._had_data = False
        self._started = 0.0  # as time.time()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def name(self) -> str:
        """Its name in logs and messages."""
        return f"broker-{self.number}"

    @property
    def address(self) -> str:
        """`127.0.0.1:PORT`, for clients."""
        return f"{HOST}:{self._ports.broker}"

    @property
    def inner_address(self) -> str:
        """`127.0.0.1:PORT`, for other brokers, where clients need a user."""
        return f"{HOST}:{self._ports.nodes}"

    @property
    def pid(self) -> int | None:
        """The id of the process; None while it is not running."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def log(self) -> Path:
        """The path of the server's log."""
        return self.storage.folder / LOG

    def poll(self) -> int | None:
        """The exit code, None while it runs and before its first start."""
        return self._process.returncode if self._process else None

    def why_it_ended(self) -> str:
        """The error of the last run, if it logged one, and the log's path."""
        failure = read_failure(self.storage.folder, self._started, self.poll() or 0)
        return f"{failure.text} (see {self.log})"

    async def wait(self) -> int:
        """Waits until the node has ended and returns its exit code."""
        assert self._process is not None, "not started"
        return await self._process.wait()

    async def format(self, command: Command, cluster_id: str, ports: Mapping[int, Ports]) -> None:
        """Creates the data of a new node, for `keep_format`. Raises BrokerFolderBroken."""

        def storage_tool(*arguments: str) -> list[str]:
            return command("128m", "kafka.tools.StorageTool", *arguments)

        await self.storage.format(storage_tool, cluster_id, ports)

    async def start(
        self,
        command: Command,
        cluster_id: str,
        ports: Mapping[int, Ports],
        timeout: float,  # noqa: ASYNC109
    ) -> None:
        """Starts the process in its folder, which is locked and has data, and returns when clients can use it.

        Args:
            command: makes the command line of a Java class.
            cluster_id: what the data belongs to.
            ports: those of all nodes of the cluster.
            timeout: in seconds.

        Raises:
            BrokerFolderBroken: Kafka cannot use the data.
            PortTaken: another program has one of its ports.
            BrokerSilent: the server ends or does not answer in time.
        """
        storage = self.storage
        self._ports = ports[self.number]
        had_data = storage.is_used
        storage.write(LOG_SETTINGS, log_settings())
        tls = self.identity.seen_from(storage.folder) if self.identity else ""
        storage.write(SERVER_PROPERTIES, server_properties(self.number, ports, tls=tls))
        self._started = time.time()
        await self._spawn(command(self._heap, "kafka.Kafka", SERVER_PROPERTIES), await storage.acquire())
        if await self._wait_until_serving(cluster_id, timeout):
            return
        code = self.poll()
        failure = read_failure(storage.folder, self._started, code or 0)
        if code is None:
            raise BrokerSilent(
                f"Kafka ({self.name}) did not answer on {self.address} in {timeout:g} s ({failure.text}): "
                f"see {self.log}"
            )
        if failure.taken_port is not None:
            raise PortTaken(failure.taken_port)
        if had_data and failure.by_kafka:
            raise BrokerFolderBroken(
                f"Kafka ({self.name}) refuses to start ({failure.text}; see {self.log}): {storage.advice}"
            )
        raise BrokerSilent(
            f"Kafka ({self.name}) ended ({describe_exit(code)}) before it answered ({failure.text}): see {self.log}"
        )

    async def stop(self, grace: float) -> None:
        """Ends the process with SIGTERM, and with SIGKILL after `grace` seconds, and unlocks the folder."""
        process = self._process
        try:
            if process is not None and process.returncode is None and grace > 0:
                with contextlib.suppress(ProcessLookupError, TimeoutError):
                    process.terminate()
                    await asyncio.wait_for(process.wait(), grace)
        finally:
            if process is not None and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
            self.storage.release()

    async def _spawn(self, command: list[str], lock: int) -> None:
        folder = self.storage.folder
        # The broker inherits the lock. So the folder stays locked if the broker lives longer than this process.
        with open_private(folder / CONSOLE) as console:
            console.truncate(0)
            self._process = await asyncio.create_subprocess_exec(
                *parent_watch.command(command, private=True),  # frames and logs are for the owner only
                cwd=folder,
                env={"MALLOC_ARENA_MAX": "2", **os.environ, "LC_ALL": "C.UTF-8"},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=console,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(lock,),
                start_new_session=True,  # Ctrl-C reaches only this process, which stops the broker after its clients
            )

    async def _wait_until_serving(self, cluster_id: str, timeout: float) -> bool:  # noqa: ASYNC109
        """Whether the broker serves clients before it ends or the time is over."""
        end = time.monotonic() + timeout
        port, context = self._ports.broker, None
        if self.identity:
            port, context = self._ports.nodes, self.identity.context()
        while self.poll() is None and time.monotonic() < end:
            if await serves(port, cluster_id, context=context):
                return True
            await asyncio.sleep(_POLL_S)
        return False
