"""A real Apache Kafka on loopback: a node or a cluster of three, as child processes."""

import asyncio
import functools
import threading
from collections.abc import Collection, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from infra.local.kafka import jars
from infra.local.kafka.configuration import HOST, Ports, java_command
from infra.local.kafka.java import check_folders, find_java
from infra.local.kafka.node import Command, Node, PortTaken
from infra.local.kafka.security.identity import Identity
from infra.local.kafka.storage import BrokerFolderBroken, Storage, new_cluster_id
from infra.local.ports import PortInUse, kept_ports
from infra.local.private_files import private_folder

CLUSTER = 3  # nodes of a cluster
HEAP, CLUSTER_HEAP = "256m", "128m"  # of each node's Java, at most
_PORT_TRIES = 3


class LocalKafka:
    """A Kafka of one or three nodes. It can be started again after it was stopped, died or was killed.

    It does not run on Windows, because the folders' locks use `flock`.

    Args:
        folder: for the data, settings and logs; each of several nodes has a folder in it, named by its number.
        cache: for the jars, shared by all folders.
        brokers: the number of nodes. With one of three away, the others go on.
        console: shows the download of the jars.
        mirror: the URL of the Maven repository to download from, None for the default one.
        identity: the certificate of the nodes; without one, every program of this machine may do everything.
    """

    def __init__(
        self,
        folder: Path,
        *,
        cache: Path,
        brokers: int = 1,
        console: Console | None = None,
        mirror: str | None = None,
        identity: Identity | None = None,
    ) -> None:
        assert brokers in (1, CLUSTER), brokers
        self.folder = folder.absolute()
        several, heap = brokers > 1, CLUSTER_HEAP if brokers > 1 else HEAP
        folders = {each: self.folder / str(each) if several else self.folder for each in range(1, brokers + 1)}
        self.nodes = [Node(*each, heap, is_copied=several, identity=identity) for each in folders.items()]
        self._secured = identity is not None
        self._cache = cache
        self._console = console
        self._mirror = mirror
        self._command: Command = functools.partial(java_command, Path("java"), ())
        self._cluster_id = ""
        self._ports: Mapping[int, Ports] = {}

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:PORT` of each node, comma-separated, valid after `start`.

        A later start has another port for one that is in use then.
        """
        return ",".join(node.address for node in self.nodes)

    async def start(self, timeout: float = 60.0) -> None:  # noqa: ASYNC109
        """Starts all nodes and returns when clients can use each of them.

        It first downloads missing jars and formats new folders. `timeout` (seconds) counts from the start of the
        servers. After an error nothing is left running.

        Raises:
            JarsUnavailable: the jars cannot be downloaded.
            Unwritable: the jars cannot be stored.
            UnusableFolder: Java cannot use the folder or the cache, because of its name.
            JavaMissing: there is no Java runtime that is new enough.
            FolderInUse: another stack uses the folder.
            BrokerFolderBroken: the folder or its data cannot be used.
            PortInUse: there are too few free ports.
            BrokerSilent: a server ends or does not answer in time.
        """
        assert all(node.pid is None for node in self.nodes), "already running"
        check_folders(self.folder, self._cache)
        check_layout(self.folder, len(self.nodes))
        self._command = await self._java_command()
        taken: set[int] = set()
        for _ in range(_PORT_TRIES):
            try:
                await self._launch(taken, timeout)
                return
            except PortTaken as error:
                await self.stop(grace=0)
                taken.add(error.port)
            except OSError as error:
                await self.stop(grace=0)
                raise self.nodes[0].storage.unusable(error) from error
            except BaseException:
                await self.stop(grace=0)
                raise
        raise PortInUse(f"ports {sorted(taken)} on {HOST} were taken while Kafka started: start it again")

    async def restart(self, node: Node, timeout: float = 60.0) -> None:  # noqa: ASYNC109
        """Starts one node again that has ended, on its ports, and returns when clients can use it.

        The others go on meanwhile. A node whose data is gone gets it again from the others.

        Raises:
            PortTaken: another program has one of its ports now.
            The other errors of `start`.
        """
        assert node.pid is None, "already running"
        try:
            await node.storage.acquire()
            if not any(each.storage.has_data for each in self.nodes):
                raise BrokerFolderBroken(f"the data of Kafka in {self.folder} is gone: start the stack again")
            await self._format_new_nodes([node])
            await node.start(self._command, self._cluster_id, self._ports, timeout)
        except OSError as error:
            await node.stop(grace=0)
            raise node.storage.unusable(error) from error
        except BaseException:
            await node.stop(grace=0)
            raise

    async def stop(self, grace: float = 15.0) -> None:
        """Ends all nodes with SIGTERM, and with SIGKILL after `grace` seconds."""
        await together(node.stop(grace) for node in self.nodes)

    async def _java_command(self) -> Command:
        java = await asyncio.to_thread(find_java)
        stop = threading.Event()
        try:
            class_path = await asyncio.to_thread(jars.fetch, self._cache, self._console, stop, mirror=self._mirror)
        finally:
            stop.set()  # so that the thread ends when the start is cancelled
        return functools.partial(java_command, java, class_path)

    async def _launch(self, taken: set[int], timeout: float) -> None:  # noqa: ASYNC109
        private_folder(self.folder)
        for node in self.nodes:
            await node.storage.acquire()
        self._ports = choose_ports(self.folder, len(self.nodes), taken, secured=self._secured)
        with_data = [node for node in self.nodes if node.storage.has_data]
        without = [node for node in self.nodes if node not in with_data]
        await self._format_new_nodes(without)
        # The others may still take a node that lost its data for their leader, and it would end: they elect first.
        for nodes in (with_data, without):
            await together(node.start(self._command, self._cluster_id, self._ports, timeout) for node in nodes)

    async def _format_new_nodes(self, nodes: Iterable[Node]) -> None:
        """Gives those of ``nodes`` data that have none, if a majority of all has data or none has."""
        storages = [node.storage for node in self.nodes]
        self._cluster_id = common_cluster_id(storages) or new_cluster_id()
        new = [node for node in nodes if node.storage.cluster_id() is None]
        await together(node.format(self._command, self._cluster_id, self._ports) for node in new)
        for node in new:
            node.storage.keep_format()


def choose_ports(
    folder: Path, brokers: int, avoid: Collection[int] = (), *, secured: bool = False
) -> dict[int, Ports]:
    """The ports of each node, the same as at the last start where they are still free. None of ``avoid``.

    Every node has to know the ports of all, so all are chosen before the first node starts.

    Raises:
        PortInUse: there are too few free ports.
    """
    suffixes = {number: f"-{number}" if number > 1 else "" for number in range(1, brokers + 1)}
    parts = ("broker", "controller", *(("nodes",) if secured else ()))
    names = [f"{part}{suffix}" for suffix in suffixes.values() for part in parts]
    ports = kept_ports(folder / "ports.json", names, avoid=avoid)
    return {number: Ports(*(ports[f"{part}{suffix}"] for part in parts)) for number, suffix in suffixes.items()}


def check_layout(folder: Path, brokers: int) -> None:
    """Check whether the folder was made by as many brokers as are to be started in it.

    Raises:
        BrokerFolderBroken: it was made by another number.
    """
    of_several = any(Storage(folder / str(number)).has_data for number in range(1, CLUSTER + 1))
    if of_several and brokers == 1:
        raise BrokerFolderBroken(
            f"{folder} has the data of {CLUSTER} brokers: start it with --brokers {CLUSTER}, or use another folder"
        )
    if brokers > 1 and Storage(folder).has_data:
        raise BrokerFolderBroken(
            f"{folder} has the data of one broker: start it with --brokers 1, or use another folder"
        )


def common_cluster_id(storages: Iterable[Storage]) -> str | None:
    """The id of the cluster that the data of all nodes belongs to, None if no node has data.

    Raises:
        BrokerFolderBroken: the data of a node cannot be used, or is of another cluster, or most nodes have none.
    """
    found = {storage: storage.cluster_id() for storage in storages}
    with_data = [storage for storage, cluster_id in found.items() if cluster_id]
    if not with_data:
        return None
    first, *others = with_data
    for other in others:
        if found[other] != found[first]:
            raise BrokerFolderBroken(f"{other.data} is of another cluster than {first.data}: {other.advice}")
    # the nodes without data could outvote the one that has it, and everything would be lost
    if len(with_data) <= len(found) // 2:
        gone = ", ".join(str(storage.data) for storage, cluster_id in found.items() if not cluster_id)
        raise BrokerFolderBroken(
            f"the data of most brokers is gone ({gone}): put it back, or delete {first.data}, too, to start again "
            "without recorded frames and statistics"
        )
    return found[first]


async def together(parts: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all ``parts`` at the same time; the first error ends the others and is raised."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for each in parts:
                tasks.create_task(each)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
