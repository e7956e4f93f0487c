"""The local broker's folder: held by one stack at a time, formatted once, checked before every start."""

import asyncio
import base64
import contextlib
import fcntl
import os
import shutil
import signal
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO

from infra.local import parent_watch
from infra.local.kafka.configuration import DATA, NODE, server_properties

_FRESH = f"{DATA}.new"
_FORMAT_TIMEOUT_S = 60


class BrokerFolderBroken(Exception):
    """The broker's folder cannot be used as it is."""


class FolderInUse(Exception):
    """Another stack runs its broker in this folder."""


class Storage:
    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / DATA
        self._lock: IO[str] | None = None

    @property
    def way_out(self) -> str:
        return f"delete {self.data} to start afresh (recorded frames and statistics go with it) or use another folder"

    async def hold(self, patience: float = 2.0) -> int:
        """Takes the folder for this process and returns the lock's file descriptor, for a child to inherit.

        The folder is free again when both are gone. `patience` (seconds) is for a broker that is just dying.
        Raises FolderInUse, OSError.
        """
        if self._lock is not None:
            return self._lock.fileno()
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = (self.folder / "lock").open("a+")
        try:
            await self._lock_within(lock, patience)
        except BaseException:
            lock.close()
            raise
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock
        return lock.fileno()

    async def _lock_within(self, lock: IO[str], patience: float) -> None:
        waited = 0.0
        while True:
            try:
                return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waited >= patience:
                    lock.seek(0)
                    holder = lock.read(20).strip() or "unknown"
                    raise FolderInUse(
                        f"{self.folder} is in use by another stack (process {holder}): stop it or use another folder"
                    ) from None
            await asyncio.sleep(0.1)
            waited += 0.1

    def release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def cluster(self) -> str | None:
        """The id of the cluster that the data belongs to, None for a folder without data yet.

        Raises BrokerFolderBroken where the data is not this broker's.
        """
        path = self.data / "meta.properties"
        try:
            if not self.data.exists() or not any(self.data.iterdir()):
                return None
            return cluster_of(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise BrokerFolderBroken(f"{path} is not text; {self.way_out}") from error
        except ValueError as error:
            raise BrokerFolderBroken(f"{path} {error}; {self.way_out}") from error
        except OSError as error:
            raise BrokerFolderBroken(f"{path}: {error.strerror}; {self.way_out}") from error

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="ascii")

    async def format(self, storage_tool: Callable[..., list[str]]) -> str:
        """Gives the folder fresh data of a new cluster, whose id it returns; `storage_tool(*arguments)` does it.

        Written aside and renamed when whole, so a format that was cut short is simply done again.
        """
        fresh = self.folder / _FRESH
        shutil.rmtree(fresh, ignore_errors=True)
        self.write("format.properties", server_properties(1, 2, data=_FRESH))
        cluster = new_cluster_id()
        command = storage_tool("format", "--cluster-id", cluster, "--config", "format.properties")
        process = await asyncio.create_subprocess_exec(
            *parent_watch.command(command),
            cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), _FORMAT_TIMEOUT_S)
            lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
        except TimeoutError:
            lines = [f"it took longer than {_FORMAT_TIMEOUT_S} s"]
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode != 0:
            said = lines[-1].strip()[:300] if lines else "it did not say why"
            raise BrokerFolderBroken(f"Kafka could not prepare {self.folder}: {said}; {self.way_out}")
        fresh.rename(self.data)
        (self.folder / "format.properties").unlink()
        return cluster

    def unusable(self, error: OSError) -> BrokerFolderBroken:
        return BrokerFolderBroken(
            f"{self.folder} cannot be used for Kafka's data: {error.strerror or error}; "
            "give write permission and room there or use another folder"
        )


def cluster_of(meta_properties: str) -> str:
    """The cluster id in the text of a `meta.properties`; ValueError says what is wrong with it for this broker."""
    lines = [line for line in meta_properties.splitlines() if "=" in line and not line.startswith("#")]
    found = dict(line.split("=", 1) for line in lines)
    cluster, version, node = (found.get(name) for name in ("cluster.id", "version", "node.id"))
    if not cluster:
        raise ValueError("names no cluster")
    if version != "1":
        raise ValueError(f"is of version {version}, Kafka 4 reads version 1")
    if node != str(NODE):
        raise ValueError(f"belongs to node {node}, this broker is node {NODE}")
    return cluster


def new_cluster_id() -> str:
    """A random UUID as Kafka writes it: 22 characters of URL-safe base 64, the first no dash."""
    while True:
        name = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not name.startswith("-"):
            return name
