"""Three real nodes of Kafka, kept running: one is killed, all are stopped, one loses its data."""

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError
from rich.console import Console

from infra.local.brokers import LocalBrokers
from infra.local.topic_admin import create_topics, with_copies
from streams.contract.settings import Settings
from streams.contract.topics import PREDICTIONS, topic_specs

pytestmark = [pytest.mark.broker, pytest.mark.asyncio(loop_scope="module")]

ALL = {1, 2, 3}
LONGEST_PAUSE_S = 10.0
OFFSETS = "__consumer_offsets"


class Cluster:
    """Three nodes, and the task that keeps them running."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.brokers = LocalBrokers(
            folder, 3, cache=Settings.from_environ().cache, console=Console(), setting="--data-dir"
        )

    @property
    def address(self) -> str:
        return self.brokers.kafka.bootstrap

    @property
    def settings(self) -> Settings:
        return with_copies(Settings(), 3).replace(broker=self.address)

    async def start(self) -> None:
        await self.brokers.kafka.start()
        self._keeping = asyncio.create_task(self.brokers.keep_running())

    async def stop(self) -> None:
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)
        await self.brokers.kafka.stop()

    def leader(self) -> int:
        """The node whose controller leads the others."""
        state = json.loads((self.folder / "1" / "data" / "__cluster_metadata-0" / "quorum-state").read_text())
        return int(state["leaderId"])

    async def partitions(self) -> dict[str, list[dict[str, Any]]]:
        """The partitions of each topic."""
        async with admin(self.address) as client:
            return {each["topic"]: each["partitions"] for each in await client.describe_topics()}

    async def until_complete(self) -> None:
        """Wait until each node runs and has all messages of all topics."""
        async with asyncio.timeout(60):
            while True:
                with suppress(KafkaError):
                    found = [each for topic in (await self.partitions()).values() for each in topic]
                    if len(self.brokers.pids) == 3 and all({*each["isr"]} == ALL for each in found):
                        return
                await asyncio.sleep(0.2)


@asynccontextmanager
async def admin(address: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=address)
    try:
        await client.start()
        yield client
    finally:
        await client.close()


async def ends(address: str) -> dict[TopicPartition, int]:
    """The offsets after the last message of each partition of the predictions."""
    consumer = AIOKafkaConsumer(bootstrap_servers=address)
    async with consumer:
        partitions = [TopicPartition(PREDICTIONS, each) for each in range(Settings().partitions)]
        return dict(await consumer.end_offsets(partitions))


@dataclass
class Traffic:
    """Messages that are written to one partition as fast as Kafka has them on two nodes, and read by a group."""

    address: str
    partition: int
    written: list[bytes] = field(default_factory=list)
    read: list[bytes] = field(default_factory=list)

    async def write(self) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.address, enable_idempotence=True)
        async with producer:
            while True:
                value = b"%d" % len(self.written)
                await producer.send_and_wait(PREDICTIONS, value, partition=self.partition)
                self.written.append(value)

    async def consume(self) -> None:
        consumer = AIOKafkaConsumer(
            PREDICTIONS, bootstrap_servers=self.address, group_id="readers", auto_offset_reset="earliest"
        )
        async with consumer:
            async for message in consumer:
                self.read.append(message.value)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Both run inside the block; afterwards everything is read that was written."""
        consuming = asyncio.create_task(self.consume())
        writing = asyncio.create_task(self.write())
        try:
            await self.until_more()
            yield
            writing.cancel()
            async with asyncio.timeout(30):
                while len(self.read) < len(self.written):
                    await asyncio.sleep(0.1)
        finally:
            for each in (writing, consuming):
                each.cancel()
            await asyncio.gather(writing, consuming, return_exceptions=True)

    async def until_more(self) -> None:
        """Wait until a message is written and one is read."""
        written, read = len(self.written), len(self.read)
        async with asyncio.timeout(30):
            while len(self.written) == written or len(self.read) == read:
                await asyncio.sleep(0.02)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """A running cluster with the topics of a stack."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    await cluster.start()
    await create_topics(cluster.settings, topic_specs(cluster.settings))
    yield cluster
    await cluster.stop()


async def test_three_nodes_are_one_cluster_with_a_copy_of_every_topic_on_each(cluster: Cluster) -> None:
    for node in cluster.brokers.kafka.nodes:
        async with admin(node.address) as client:
            seen = await client.describe_cluster()
            assert {each["node_id"] for each in seen["brokers"]} == ALL

    topics = await cluster.partitions()
    for spec in topic_specs(cluster.settings):
        assert all({*each["replicas"]} == ALL for each in topics[spec.name]), spec.name
    async with admin(cluster.address) as client:
        [answer] = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, PREDICTIONS)])
    [(_, _, _, _, configs)] = answer.resources
    assert {name: value for name, value, *_ in configs}["min.insync.replicas"] == "2"


async def test_after_kill_9_of_the_leading_node_messages_go_on_and_none_is_lost_or_doubled(cluster: Cluster) -> None:
    leader = cluster.leader()
    pid, address = cluster.brokers.pids[f"broker-{leader}"], cluster.address
    partition = next(
        each["partition"] for each in (await cluster.partitions())[PREDICTIONS] if each["leader"] == leader
    )
    traffic = Traffic(address, partition)

    async with traffic.running():
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        await asyncio.sleep(0.2)  # what was under way has arrived
        await traffic.until_more()
        assert time.monotonic() - killed < LONGEST_PAUSE_S
        await cluster.until_complete()
        await traffic.until_more()

    assert traffic.read == traffic.written
    assert cluster.address == address
    assert cluster.brokers.pids[f"broker-{leader}"] != pid
    assert all(len(each["replicas"]) == 3 for each in (await cluster.partitions())[OFFSETS])


async def test_after_a_stop_a_node_that_lost_its_data_gets_it_again_and_all_ports_are_the_same(
    cluster: Cluster,
) -> None:
    address, leader = cluster.address, cluster.leader()
    before = await ends(address)
    await cluster.stop()
    shutil.rmtree(cluster.folder / str(leader))

    await cluster.start()
    await cluster.until_complete()

    assert cluster.address == address
    assert sum(before.values()) > 0
    assert await ends(address) == before
    assert (cluster.folder / str(leader) / "data" / f"{PREDICTIONS}-0").is_dir()
