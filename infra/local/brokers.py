"""The Kafka of a stack: the local one, which is started and kept running, or that of the settings."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka.errors import KafkaConnectionError, KafkaError
from rich.console import Console

from infra.local.errors import StackError
from infra.local.kafka.configuration import MOST_COPIES, insync_of
from infra.local.kafka.node import Node
from infra.local.kafka.security.administration import administer, known
from infra.local.kafka.security.users import Users
from infra.local.kafka.server import LocalKafka
from infra.local.supervisor import RestartPolicy, describe_exit
from infra.local.topic_admin import create_topics
from models.storage import Unwritable
from streams.contract.settings import Settings
from streams.contract.topics import topic_specs

log = logging.getLogger(__name__)

BROKER_TIMEOUT_S = 15.0
BROKER_ADVICE = "check the address, or leave out --broker"


class BrokerUnreachable(StackError):
    """No broker answers at the addresses of the settings."""


def with_copies(settings: Settings, brokers: int) -> Settings:
    """The settings with as many copies of each topic as ``brokers`` can hold, where they do not say how many."""
    copies = settings.with_defaults(replication=min(MOST_COPIES, brokers)).replication
    return settings.with_defaults(replication=copies, min_insync=insync_of(copies))


class LocalBrokers:
    """The nodes of a local Kafka, kept running.

    Args:
        folder: for the data.
        brokers: the number of nodes.
        check_folders: raises the error to end with if a folder of the stack is full.
        users: those who may use it; None: every program of this machine.
    """

    def __init__(
        self,
        folder: Path,
        brokers: int,
        *,
        cache: Path,
        console: Console,
        check_folders: Callable[[], None],
        users: Users | None = None,
    ) -> None:
        identity = users.identity if users else None
        self.kafka = LocalKafka(folder, cache=cache, brokers=brokers, console=console, identity=identity)
        self.users = users
        self._check_folders = check_folders

    @property
    def pids(self) -> dict[str, int]:
        """The ids of the processes that run now, by name."""
        return {node.name: node.pid for node in self.kafka.nodes if node.pid is not None}

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
            What ``LocalKafka.restart`` raises, if there is no other node.
        """
        async with asyncio.TaskGroup() as tasks:
            for node in self.kafka.nodes:
                tasks.create_task(self._keep_node_running(node))

    async def _keep_node_running(self, node: Node) -> None:
        policy = RestartPolicy()
        wait_s = policy.first_wait_s
        while True:
            if node.pid is not None:
                code = await node.wait()
                self._check_folders()
                log.warning("%s ended (%s): restarting it; %s", node.name, describe_exit(code), node.why_it_ended())
                wait_s = policy.first_wait_s
            try:
                await self.kafka.restart(node)
            except (StackError, Unwritable) as error:
                if len(self.kafka.nodes) == 1:
                    raise
                log.warning("%s does not start, and the others go on without it; %s", node.name, error)
                wait_s = policy.next_wait(wait_s, 0.0)
                await asyncio.sleep(wait_s)


async def create_all_topics(settings: Settings) -> None:
    """Create the topics that are missing.

    Raises:
        BrokerUnreachable: Kafka does not answer or cannot be used.
        What `infra.local.topic_admin.create_topics` raises.
    """
    brokers = ",".join(settings.broker)
    try:
        async with asyncio.timeout(BROKER_TIMEOUT_S):
            await create_topics(settings, topic_specs(settings))
    except TimeoutError as error:
        raise BrokerUnreachable(
            f"no Kafka answers at {brokers} within {BROKER_TIMEOUT_S:.0f} s: {BROKER_ADVICE}"
        ) from error
    except (KafkaError, OSError) as error:
        why = "no connection" if isinstance(error, KafkaConnectionError) else error
        raise BrokerUnreachable(f"Kafka at {brokers} cannot be used ({why}): {BROKER_ADVICE}") from error
