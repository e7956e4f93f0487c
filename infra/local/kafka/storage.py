"""The folder of a local Kafka node: locked by one stack at a time, formatted once, checked before every start."""

import asyncio
import base64
import contextlib
import fcntl
import os
import shutil
import signal
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from infra.local import parent_watch
from infra.local.errors import StackError
from infra.local.kafka.configuration import DATA, Ports, server_properties
from infra.local.private_files import private_folder
from models.processes.last_error import last_error

_NEW_DATA = f"{DATA}.new"
_METADATA = "__cluster_metadata-0"
_FORMAT_TIMEOUT_S = 60


class BrokerFolderBroken(StackError):
    """The broker's folder cannot be used as it is."""


class FolderInUse(StackError):
    """Another stack runs its broker in this folder."""


class Storage:
    """A folder with a node's data in `data`, its settings, its logs, and a lock file."""

    def __init__(self, folder: Path, node: int = 1, *, is_copied: bool = False) -> None:
        self.folder = folder.absolute()
        self.node = node
        self.is_copied = is_copied  # other nodes have copies of the data
        self.data = self.folder / DATA
        self._lock: IO[str] | None = None

    @property
    def has_data(self) -> bool:
        """Whether there is something in the folder of the data."""
        return self.data.exists() and any(self.data.iterdir())

    @property
    def is_used(self) -> bool:
        """Whether a node has run with the data."""
        return (self.data / _METADATA).exists()

    @property
    def advice(self) -> str:
        """What to do when the data cannot be used."""
        if self.is_copied:
            return f"delete {self.data}: the other brokers have copies of what is in it"
        return f"delete {self.data} to start again without recorded frames and statistics, or use another folder"

    async def acquire(self, timeout: float = 2.0) -> int:  # noqa: ASYNC109
        """Locks the folder for this process and returns the lock's file descriptor, for the broker to inherit.

        The folder is locked while one of the two processes has the descriptor open. `timeout` (seconds) is for a
        broker that is about to end.

        Raises:
            FolderInUse: another stack has locked the folder.
            OSError: the folder cannot be written.
        """
        if self._lock is not None:
            return self._lock.fileno()
        private_folder(self.folder)
        lock = (self.folder / "lock").open("a+")
        try:
            await self._lock_file(lock, timeout)
        except BaseException:
            lock.close()
            raise
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock
        return lock.fileno()

    async def _lock_file(self, lock: IO[str], timeout: float) -> None:  # noqa: ASYNC109
        waited = 0.0
        while True:
            try:
                return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waited >= timeout:
                    lock.seek(0)
                    holder = lock.read(20).strip() or "unknown"
                    raise FolderInUse(
                        f"{self.folder} is in use by another stack (process {holder}): stop it or use another folder"
                    ) from None
            await asyncio.sleep(0.1)
            waited += 0.1

    def release(self) -> None:
        """Unlocks the folder for this process; a broker that inherited the lock still has it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def cluster_id(self) -> str | None:
        """The id of the cluster that the data belongs to, None for a folder that has no data yet.

        Raises:
            BrokerFolderBroken: this broker cannot use the data.
        """
        path = self.data / "meta.properties"
        try:
            if not self.has_data:
                return None
            return parse_cluster_id(path.read_text(encoding="utf-8"), self.node)
        except UnicodeDecodeError as error:
            raise BrokerFolderBroken(f"{path} is not text; {self.advice}") from error
        except ValueError as error:
            raise BrokerFolderBroken(f"{path} {error}; {self.advice}") from error
        except OSError as error:
            raise BrokerFolderBroken(f"{path}: {error.strerror}; {self.advice}") from error

    def write(self, name: str, text: str) -> None:
        """Writes a file of the broker's settings."""
        (self.folder / name).write_text(text, encoding="ascii")

    async def format(
        self, storage_tool: Callable[..., list[str]], cluster_id: str, ports: Mapping[int, Ports]
    ) -> None:
        """Creates the data of a new node in another folder; `keep_format` then makes it this node's data.

        So a format that was interrupted is done again. `storage_tool(*arguments)` is the command line of Kafka's
        StorageTool, `ports` has those of all nodes of the cluster.

        Raises:
            BrokerFolderBroken: the tool fails.
        """
        new_data = self.folder / _NEW_DATA
        shutil.rmtree(new_data, ignore_errors=True)
        self.write("format.properties", server_properties(self.node, ports, data=_NEW_DATA))
        command = storage_tool("format", "--cluster-id", cluster_id, "--config", "format.properties")
        process = await asyncio.create_subprocess_exec(
            *parent_watch.command(command, private=True),
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
            reason = last_error("\n".join(lines)) or (lines[-1].strip()[:300] if lines else "it gave no reason")
            raise BrokerFolderBroken(f"Kafka could not prepare {self.folder}: {reason}; {self.advice}")
        (self.folder / "format.properties").unlink()

    def keep_format(self) -> None:
        """Begins to use the data that `format` has created."""
        (self.folder / _NEW_DATA).rename(self.data)

    def unusable(self, error: OSError) -> BrokerFolderBroken:
        """The error to raise when the folder cannot be read or written."""
        return BrokerFolderBroken(
            f"{error.filename or self.folder} cannot be used for Kafka's data: {error.strerror or error}; "
            "give write permission and make room there, or use another folder"
        )


def parse_cluster_id(meta_properties: str, node: int = 1) -> str:
    """The cluster id in the text of a node's `meta.properties`.

    Raises:
        ValueError: this broker cannot use the data; the message is the second half of a sentence.
    """
    lines = [line for line in meta_properties.splitlines() if "=" in line and not line.startswith("#")]
    properties = dict(line.split("=", 1) for line in lines)
    cluster_id, version, owner = (properties.get(name) for name in ("cluster.id", "version", "node.id"))
    if not cluster_id:
        raise ValueError("has no cluster id")
    if version != "1":
        raise ValueError(f"has version {version}, Kafka 4 reads version 1")
    if owner != str(node):
        raise ValueError(f"belongs to node {owner}, this broker is node {node}")
    return cluster_id


def new_cluster_id() -> str:
    """A random UUID as Kafka writes it: 22 characters of URL-safe base 64 that do not start with a dash."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
