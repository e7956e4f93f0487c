"""The Kafka of a stack: the local one, which is started and kept running, or that of the settings."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
from rich.console import Console

from infra.local.errors import StackError
from infra.local.kafka.node import Node
from infra.local.kafka.security.administration import administer, known
from infra.local.kafka.security.users import Users
from infra.local.kafka.server import LocalKafka
from infra.local.supervisor import RestartPolicy, describe_exit
from models.storage import Unwritable, check_folder

log = logging.getLogger(__name__)

LEAST_BYTES = 4_000_000  # that must be free in the folder of a node that is to start again
LEAST_MEMORY = 200_000_000  # bytes of a node that has just started


class TooLittleMemory(StackError):
    """This machine has too little memory for Kafka."""


class LocalBrokers:
    """The nodes of a local Kafka, kept running.

    Args:
        folder: for the data.
        brokers: the number of nodes.
        cache: for Kafka's jars.
        console: shows their download.
        setting: the option or variable with which the user names another folder.
        users: those who may use it; None: every program of this machine.
    """

    def __init__(
        self,
        folder: Path,
        brokers: int,
        *,
        cache: Path,
        console: Console,
        setting: str,
        users: Users | None = None,
    ) -> None:
        identity = users.identity if users else None
        self.kafka = LocalKafka(folder, cache=cache, brokers=brokers, console=console, identity=identity)
        self.users = users
        self._setting = setting
        self._policy = RestartPolicy()

    @property
    def pids(self) -> dict[str, int]:
        """The ids of the processes that run now, by name."""
        return {node.name: node.pid for node in self.kafka.nodes if node.pid is not None}

    def check(self, free_bytes: int) -> None:
        """Check whether the nodes can start: their folders, each of which may be on a disk of its own, and memory.

        Raises:
            Unwritable: a folder cannot be written, or has less room.
            TooLittleMemory: this machine has too little.
        """
        nodes = self.kafka.nodes
        for node in nodes:
            check_folder(node.storage.folder, self._setting, free_bytes)
        needed = LEAST_MEMORY * len(nodes)
        free = psutil.virtual_memory().available + psutil.swap_memory().free
        if free < needed:
            fewer = ", or start one with --brokers 1" if len(nodes) > 1 else ""
            raise TooLittleMemory(
                f"Kafka's {len(nodes)} nodes need {needed / 1e6:.0f} MB of memory, and {free / 1e6:.0f} MB are free: "
                f"stop other programs{fewer}"
            )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Kafka runs inside the block, which gets its addresses."""
        if self.users:
            self.users.make_folders()
        await self.kafka.start()
        try:
            if self.users:
                await self._make_users(self.users)
            yield self.kafka.bootstrap
        finally:
            await self.kafka.stop()

    async def _make_users(self, users: Users) -> None:
        context = users.identity.context()
        await administer(self.kafka.nodes[0].inner_address, context, users.passwords(), users.rights)
        addresses = [node.address for node in self.kafka.nodes]
        await known(addresses, [users.connection(role, addresses) for role in users.rights])
        users.write(addresses)

    async def keep_running(self) -> None:
        """Start each node again when it ends.

        Raises:
            Unwritable: the only node's folder is full.
            What ``LocalKafka.restart`` raises for the only node. Of several, the others go on meanwhile.
        """
        async with asyncio.TaskGroup() as tasks:
            for node in self.kafka.nodes:
                tasks.create_task(self._keep_node_running(node))

    async def _keep_node_running(self, node: Node) -> None:
        wait_s, alone = self._policy.first_wait_s, len(self.kafka.nodes) == 1
        while True:
            started = time.monotonic()
            code = await node.wait()
            if alone:
                check_folder(node.storage.folder, self._setting, LEAST_BYTES)  # if it is full, only that is said
            log.warning("%s ended (%s): restarting it; %s", node.name, describe_exit(code), node.why_it_ended())
            wait_s = self._policy.next_wait(wait_s, time.monotonic() - started)
            said = ""
            while node.pid is None:
                await asyncio.sleep(wait_s)
                try:
                    check_folder(node.storage.folder, self._setting, LEAST_BYTES)
                    await self.kafka.restart(node)
                except (StackError, Unwritable) as error:
                    if alone:
                        raise
                    if str(error) != said:
                        log.warning("%s cannot start again, and the others go on: %s", node.name, error)
                    said = str(error)
                    wait_s = self._policy.next_wait(wait_s, 0.0)
