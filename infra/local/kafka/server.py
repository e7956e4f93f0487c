"""A real single-node Apache Kafka as a child process, on loopback."""

import asyncio
import contextlib
import functools
import os
import signal
import threading
import time
from pathlib import Path

from rich.console import Console

from infra.local import parent_watch
from infra.local.errors import StackError
from infra.local.kafka import jars
from infra.local.kafka.configuration import (
    CONSOLE,
    HOST,
    LOG,
    LOG_SETTINGS,
    SERVER_PROPERTIES,
    java_command,
    log_settings,
    server_properties,
)
from infra.local.kafka.java import check_folders, find_java
from infra.local.kafka.log import read_failure
from infra.local.kafka.ports import Ports, choose
from infra.local.kafka.probe import serves
from infra.local.kafka.storage import BrokerFolderBroken, Storage
from infra.local.ports import PortInUse
from infra.local.private_files import open_private

_POLL_S = 0.05
_PORT_TRIES = 3

_Command = functools.partial[list[str]]


class BrokerSilent(StackError):
    """The broker was started and did not answer."""


class LocalKafka:
    """One broker and its folder. It can be started again after it was stopped, died or was killed.

    It does not run on Windows, because the folder's lock uses `flock`.

    Args:
        folder: for the broker's data, settings and logs.
        cache: for the jars, shared by all folders.
        port: 0 takes a free port, the same one as at the last start where it is still free.
        heap: the largest size of Java's heap, such as "256m".
        console: shows the download of the jars.
        mirror: the URL of the Maven repository to download from, None for the default one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        cache: Path,
        port: int = 0,
        heap: str = "256m",
        console: Console | None = None,
        mirror: str | None = None,
    ) -> None:
        self._storage = Storage(folder)
        self._cache = cache
        self._wanted_port = port
        self._heap = heap
        self._console = console
        self._mirror = mirror
        self._ports = Ports(port, 0)
        self._started = 0.0  # as time.time()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:PORT`, valid after `start`. A later start has another port if this one is in use then."""
        return f"{HOST}:{self._ports.broker}"

    @property
    def pid(self) -> int | None:
        """The process id, None while it does not run."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def log(self) -> Path:
        """The path of the server's log."""
        return self._storage.folder / LOG

    def poll(self) -> int | None:
        """The exit code, None while it runs and before its first start."""
        return self._process.returncode if self._process else None

    def why_it_ended(self) -> str:
        """The error of the last run, if it logged one, and the log's path."""
        failure = read_failure(self._storage.folder, self._started, self.poll() or 0)
        return f"{failure.text} (see {self.log})"

    async def wait(self) -> int:
        """Waits until the broker has ended and returns its exit code."""
        assert self._process is not None, "not started"
        return await self._process.wait()

    async def start(self, timeout: float = 60.0) -> None:  # noqa: ASYNC109
        """Starts the broker and returns when clients can use it.

        It first downloads missing jars and formats a new folder. `timeout` (seconds) counts from the start of the
        server. After an error nothing is left running.

        Raises:
            JarsUnavailable: the jars cannot be downloaded.
            Unwritable: the jars cannot be stored.
            UnusableFolder: Java cannot use the folder or the cache, because of its name.
            JavaMissing: there is no Java runtime that is new enough.
            FolderInUse: another stack uses the folder.
            BrokerFolderBroken: the folder or its data cannot be used.
            PortInUse: the port is in use.
            BrokerSilent: the server ends or does not answer in time.
        """
        assert self._process is None or self._process.returncode is not None, "already running"
        check_folders(self._storage.folder, self._cache)
        command = await self._java_command()
        try:
            lock = await self._storage.acquire()
            await self._launch(command, lock, timeout)
        except OSError as error:
            await self._end(grace=0)
            raise self._storage.unusable(error) from error
        except BaseException:
            await self._end(grace=0)
            raise

    async def stop(self, grace: float = 15.0) -> None:
        """Ends the broker with SIGTERM, and with SIGKILL after `grace` seconds. Does nothing if it does not run."""
        await self._end(grace)

    async def _java_command(self) -> _Command:
        java = await asyncio.to_thread(find_java)
        stop = threading.Event()
        try:
            class_path = await asyncio.to_thread(jars.fetch, self._cache, self._console, stop, mirror=self._mirror)
        finally:
            stop.set()  # so that the thread ends when the start is cancelled
        return functools.partial(java_command, java, class_path)

    async def _launch(self, command: _Command, lock: int, timeout: float) -> None:  # noqa: ASYNC109
        storage = self._storage
        cluster_id = storage.cluster_id()
        had_data = cluster_id is not None
        storage.write(LOG_SETTINGS, log_settings())
        taken: set[int] = set()
        for _ in range(_PORT_TRIES):
            self._ports = choose(storage.folder, self._wanted_port, avoid=taken)
            if cluster_id is None:
                cluster_id = await storage.format(functools.partial(command, "128m", "kafka.tools.StorageTool"))
            storage.write(SERVER_PROPERTIES, server_properties(self._ports.broker, self._ports.controller))
            self._started = time.time()
            await self._spawn(command(self._heap, "kafka.Kafka", SERVER_PROPERTIES), lock)
            if await self._wait_until_serving(cluster_id, timeout):
                return
            failure = read_failure(storage.folder, since=self._started)
            if self.poll() is None:
                raise BrokerSilent(
                    f"Kafka did not answer on {self.bootstrap} in {timeout:g} s ({failure.text}): see {self.log}"
                )
            # Another program may have taken the port after the check that it was free.
            if failure.taken_port is not None:
                taken.add(failure.taken_port)
                if failure.taken_port == self._wanted_port:
                    break
            elif had_data and failure.by_kafka:
                raise BrokerFolderBroken(f"Kafka refuses to start ({failure.text}; see {self.log}): {storage.advice}")
            else:
                raise BrokerSilent(
                    f"Kafka ended with exit code {self.poll()} before it answered ({failure.text}): see {self.log}"
                )
        raise PortInUse(
            f"ports {sorted(taken)} on {HOST} were taken while Kafka started: choose another port (0: any)"
        )

    async def _spawn(self, command: list[str], lock: int) -> None:
        folder = self._storage.folder
        # The broker inherits the lock. So the folder stays locked if the broker lives longer than this process.
        with open_private(folder / CONSOLE) as console:
            console.truncate(0)
            self._process = await asyncio.create_subprocess_exec(
                *parent_watch.command(command),
                cwd=folder,
                env={"MALLOC_ARENA_MAX": "2", **os.environ, "LC_ALL": "C.UTF-8"},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=console,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(lock,),
                start_new_session=True,  # Ctrl-C reaches only this process, which stops the broker after its clients
                umask=0o077,  # frames and logs are for the owner only
            )

    async def _wait_until_serving(self, cluster_id: str, timeout: float) -> bool:  # noqa: ASYNC109
        """Whether the broker serves clients before it ends or the time is over."""
        end = time.monotonic() + timeout
        while self.poll() is None and time.monotonic() < end:
            if await serves(self._ports.broker, cluster_id):
                return True
            await asyncio.sleep(_POLL_S)
        return False

    async def _end(self, grace: float) -> None:
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
            self._storage.release()
