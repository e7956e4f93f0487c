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
from infra.local.kafka.java import find_java
from infra.local.kafka.log import failure
from infra.local.kafka.ports import PortInUse, Ports, choose
from infra.local.kafka.probe import serves
from infra.local.kafka.storage import BrokerFolderBroken, Storage

_LOOK_S = 0.05
_PORT_TRIES = 3

_Command = functools.partial[list[str]]


class BrokerSilent(Exception):
    """The broker was started and did not answer."""


class LocalKafka:
    """One broker and its folder. It can be started again after it was stopped, died or was killed.

    `cache` is where jars are kept for all folders; `port` 0 takes a free port, the former one if it still is.
    `progress` is where the first start shows that it fetches, `mirror` the URL of the Maven repository it fetches
    from if not the default one. Not for Windows: the folder's lock is flock's.
    """

    def __init__(
        self,
        folder: Path,
        *,
        cache: Path,
        port: int = 0,
        heap: str = "256m",
        progress: Console | None = None,
        mirror: str | None = None,
    ) -> None:
        self._storage = Storage(folder)
        self._cache = cache
        self._wanted = port
        self._heap = heap
        self._progress = progress
        self._mirror = mirror
        self._ports = Ports(port, 0)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:PORT`, known once started; a later start in a folder whose port was taken has another one."""
        return f"{HOST}:{self._ports.broker}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def log(self) -> Path:
        return self._storage.folder / LOG

    def poll(self) -> int | None:
        """The exit code, None while it runs or before its first start."""
        return self._process.returncode if self._process else None

    async def wait(self) -> int:
        """Waits until the broker has ended, for whatever reason, and returns its exit code."""
        assert self._process is not None, "not started"
        return await self._process.wait()

    async def start(self, timeout: float = 60.0) -> None:  # noqa: ASYNC109
        """Returns when clients can use the broker: `timeout` seconds at most after Java started.

        Before that it fetches jars and formats the folder where these are missing. Raises JarsUnavailable,
        JavaMissing, FolderInUse, BrokerFolderBroken, PortInUse, BrokerSilent; nothing is left running then.
        """
        assert self._process is None or self._process.returncode is not None, "already running"
        command = await self._java_command()
        try:
            lock = await self._storage.hold()
            await self._start(command, lock, timeout)
        except OSError as error:
            await self._end(grace=0)
            raise self._storage.unusable(error) from error
        except BaseException:
            await self._end(grace=0)
            raise

    async def stop(self, grace: float = 15.0) -> None:
        """Ends the broker: SIGTERM, and SIGKILL after `grace` seconds. Harmless when it does not run."""
        await self._end(grace)

    async def _java_command(self) -> _Command:
        java = await asyncio.to_thread(find_java)
        stop = threading.Event()
        try:
            class_path = await asyncio.to_thread(jars.fetch, self._cache, self._progress, stop, mirror=self._mirror)
        finally:
            stop.set()  # a cancelled start ends the thread too
        return functools.partial(java_command, java, class_path)

    async def _start(self, command: _Command, lock: int, within: float) -> None:
        storage = self._storage
        cluster = storage.cluster()
        had_data = cluster is not None
        storage.write(LOG_SETTINGS, log_settings())
        taken: set[int] = set()
        for _ in range(_PORT_TRIES):
            self._ports = choose(storage.folder, self._wanted, avoid=taken)
            if cluster is None:
                cluster = await storage.format(functools.partial(command, "128m", "kafka.tools.StorageTool"))
            storage.write(SERVER_PROPERTIES, server_properties(self._ports.broker, self._ports.controller))
            started = time.time()
            await self._spawn(command(self._heap, "kafka.Kafka", SERVER_PROPERTIES), lock)
            if await self._answers(cluster, within):
                return
            found = failure(storage.folder, since=started)
            if self.poll() is None:
                raise BrokerSilent(
                    f"Kafka did not answer on {self.bootstrap} in {within:g} s ({found.text}): see {self.log}"
                )
            # Between the look at the port and Java's bind, somebody else may have taken it.
            if found.taken_port is not None:
                taken.add(found.taken_port)
                if found.taken_port == self._wanted:
                    break
            elif had_data and found.by_kafka:
                raise BrokerFolderBroken(f"Kafka refuses to start ({found.text}; see {self.log}): {storage.way_out}")
            else:
                raise BrokerSilent(
                    f"Kafka ended with exit code {self.poll()} before it answered ({found.text}): see {self.log}"
                )
        raise PortInUse(
            f"ports {sorted(taken)} on {HOST} were taken while Kafka started: choose another port (0: any)"
        )

    async def _spawn(self, command: list[str], lock: int) -> None:
        folder = self._storage.folder
        # The lock goes along: should the broker outlive this process, the folder stays taken as long as it lives.
        with (folder / CONSOLE).open("wb") as console:
            self._process = await asyncio.create_subprocess_exec(
                *parent_watch.command(command),
                cwd=folder,
                env={"MALLOC_ARENA_MAX": "2", **os.environ, "LC_ALL": "C.UTF-8"},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=console,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(lock,),
                start_new_session=True,  # Ctrl-C is for us, who stop the broker after its clients
            )

    async def _answers(self, cluster: str, within: float) -> bool:
        end = time.monotonic() + within
        while self.poll() is None and time.monotonic() < end:
            if await serves(self._ports.broker, cluster):
                return True
            await asyncio.sleep(_LOOK_S)
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
