"""Workers that join a running stack: what they serve, and what becomes of frames when one of them stands still."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.partitioner import DefaultPartitioner

from infra.client.client import Client
from infra.client.frame_counts import FrameCounts, total
from infra.client.media_source import MediaFrame, PresentView
from infra.loadtest.sample_frames import endless_samples
from infra.local.ports import free_ports
from infra.local.topic_admin import create_topics
from models.bundle import Bundle
from models.registry import Registry
from streams.contract.clock import now_ms
from streams.contract.messages import Prediction
from streams.contract.outcomes import Outcome
from streams.contract.settings import Settings
from streams.contract.topics import PREDICTIONS, topic_specs
from streams.contract.topics import SESSIONS as SESSIONS_TOPIC
from streams.health.ending import STALLED
from tests import ROOT
from tests.fakes.statistics import session_stats
from tests.running_stack import RunningStack, running_stack

pytestmark = pytest.mark.broker

FAUST = ("-m", "faust", "-A", "streams.worker", "worker", "-l", "info")
PARTITIONS = 4
SESSIONS = 6
HUGE = 400_000  # bytes of a frame, near the limit


@dataclass
class Worker:
    """A worker that joined by itself, its port and its log."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    def get(self, path: str) -> tuple[int, str]:
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.port}{path}", trust_env=False)
        except httpx.TransportError as error:
            return 0, str(error)
        return answer.status_code, answer.text

    def wait_until_ready(self) -> None:
        until(lambda: self.get("/readyz")[0] == 200, self.log)


def partition_of(session: str) -> int:
    partitions = [*range(PARTITIONS)]
    return int(DefaultPartitioner()(session.encode(), partitions, partitions))


def until(true: Callable[[], object], log: Path, timeout_s: float = 120.0) -> None:
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, log.read_text()[-3000:]
        time.sleep(0.1)


@contextmanager
def worker(stack: RunningStack, log: Path, command: tuple[str, ...] = FAUST, **settings: str) -> Iterator[Worker]:
    """A worker that is started as the README says, and stopped at the end."""
    [port] = free_ports(1)
    variables = {"broker": stack.broker, "metrics_port": str(port), **settings}
    environ = {**os.environ, **{f"SIGHTSTREAM_{name.upper()}": value for name, value in variables.items()}}
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, *command], stdout=out, stderr=out, env=environ, cwd=ROOT)
    try:
        yield Worker(process, port, log)
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("workers")
    with running_stack(folder, "--model", "efficientnet_lite0") as running:
        yield running


def streamed(
    stack: RunningStack, seconds: float, model: str = "", act: Callable[[], object] = lambda: None
) -> FrameCounts:
    """The outcomes of the frames of some sessions; ``act`` is called in a thread meanwhile."""

    async def stream() -> FrameCounts:
        clients = [Client(stack.websocket, endless_samples, model=model, fps=8.0) for _ in range(SESSIONS)]
        acting = asyncio.create_task(asyncio.to_thread(act))
        counts = await asyncio.gather(*(each.run(seconds) for each in clients))
        await acting
        return total(counts)

    return asyncio.run(stream())


def serve(stack: RunningStack, *models: str) -> None:
    command = [sys.executable, "-m", "infra.commands", "models", "serve", *models]
    environ = {**os.environ, "SIGHTSTREAM_BROKER": stack.broker}
    subprocess.run(command, check=True, env=environ, cwd=ROOT, timeout=60)


def offered(stack: RunningStack) -> list[str]:
    """The models that a browser may ask for."""

    async def ask() -> list[str]:
        client = Client(stack.websocket, endless_samples, fps=1.0)
        await client.run(0.5)
        return [each.name for each in client.offered]

    return asyncio.run(ask())


async def answered_twice(stack: RunningStack) -> list[tuple[str, int]]:
    """The frames that have several answers in the topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.broker, auto_offset_reset="earliest")
    await consumer.start()
    partitions = [TopicPartition(PREDICTIONS, number) for number in range(PARTITIONS)]
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    answers: Counter[tuple[str, int]] = Counter()
    while any([await consumer.position(each) < ends[each] for each in partitions]):
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            read = [Prediction.loads(each.value) for each in records]
            answers.update((each.session, each.seq) for each in read if each.outcome == Outcome.ANSWERED)
    await consumer.stop()
    return [frame for frame, count in answers.items() if count > 1]


def test_a_worker_that_joins_by_the_readmes_command_serves_what_the_stack_does(
    stack: RunningStack, tmp_path: Path
) -> None:
    with worker(stack, tmp_path / "log", worker_name="named") as joined:  # its own default is another model
        joined.wait_until_ready()
        assert "and not efficientnet_lite2" in joined.log.read_text()
        counts = streamed(stack, 3.0)
        assert counts.answered
        assert Outcome.UNKNOWN_MODEL not in counts.dropped
        serve(stack, "efficientnet_lite0", "efficientnet_lite2")
        until(lambda: offered(stack) == ["efficientnet_lite0", "efficientnet_lite2"], joined.log)
        counts = streamed(stack, 3.0, "efficientnet_lite2")
        assert counts.answered
        assert Outcome.UNKNOWN_MODEL not in counts.dropped
        serve(stack, "efficientnet_lite0")
        until(lambda: offered(stack) == ["efficientnet_lite0"], joined.log)
    assert "LeaveGroup request succeeded" in joined.log.read_text()  # so that no partition waits for its return


def test_a_worker_takes_no_frames_before_it_has_every_model_of_the_stack(
    stack: RunningStack, lite0: Bundle, tmp_path: Path
) -> None:
    registry = Registry(stack.folder / "models")
    registry.add(lite0.folder, "cups")
    registry.promote("cups")
    until(lambda: "cups" in offered(stack), stack.folder / "up.err")
    elsewhere = tmp_path / "registry"
    with worker(stack, tmp_path / "log", registry=str(elsewhere)) as joined:
        until(lambda: "this worker takes no frames yet" in joined.log.read_text(), joined.log)
        assert f"the registry {elsewhere} has no live version of cups" in joined.log.read_text()
        assert joined.get("/readyz") == (503, "waits for its models\n")
        assert joined.get("/healthz")[0] == 200
        shutil.copytree(registry.folder, elsewhere)  # the bundle arrives
        joined.wait_until_ready()
        counts = streamed(stack, 2.0, "cups")
        assert counts.answered
        assert Outcome.UNKNOWN_MODEL not in counts.dropped
        registry.remove("cups")
        until(lambda: "cups" not in offered(stack), stack.folder / "up.err")


def test_a_pool_of_workers_serves_models_of_its_own(stack: RunningStack, tmp_path: Path) -> None:
    settings = Settings(broker=tuple(stack.broker.split(",")), pool="large")
    asyncio.run(create_topics(settings, topic_specs(settings)))
    with worker(stack, tmp_path / "log", pool="large", models="efficientnet_lite2") as joined:
        joined.wait_until_ready()
        until(lambda: offered(stack) == ["efficientnet_lite0", "efficientnet_lite2"], joined.log)
        for model in offered(stack):
            counts = streamed(stack, 2.0, model)
            assert counts.answered
            assert Outcome.UNKNOWN_MODEL not in counts.dropped


def test_a_worker_whose_clock_is_wrong_answers_and_one_that_stood_still_answers_no_frame_twice(
    stack: RunningStack, tmp_path: Path
) -> None:
    command = ("-m", "tests.fakes.skewed_worker", "-5")
    with worker(stack, tmp_path / "log", command, models="efficientnet_lite0") as joined:
        joined.wait_until_ready()
        time.sleep(2.5)  # its first status tells how wrong the clock is
        counts = streamed(stack, 3.0)
        assert counts.answered > 0.8 * counts.sent

        def stand_still() -> None:
            joined.process.send_signal(signal.SIGSTOP)
            time.sleep(9.0)  # longer than the session timeout
            joined.process.send_signal(signal.SIGCONT)

        counts = streamed(stack, 14.0, act=stand_still)
        assert counts.sent == counts.answered + counts.expired + sum(counts.dropped.values())
        assert asyncio.run(answered_twice(stack)) == []
        assert joined.process.poll() is None


def test_a_worker_whose_consumer_stands_still_says_so_and_ends_to_be_started_again(
    stack: RunningStack, tmp_path: Path
) -> None:
    flag = tmp_path / "still"
    command = ("-m", "tests.fakes.standing_worker", str(flag))
    with worker(stack, tmp_path / "log", command, models="efficientnet_lite0") as joined:
        joined.wait_until_ready()
        assert joined.get("/healthz") == (200, "ok\n")
        flag.touch()
        streamed(stack, 2.0)
        until(lambda: joined.get("/healthz")[0] == 503, joined.log)
        assert "has made no progress for" in joined.get("/healthz")[1]
        assert joined.process.wait(60) == STALLED
        assert "the worker ends now, to be started again" in joined.log.read_text()
    flag.unlink()
    until(lambda: streamed(stack, 1.0).answered, stack.folder / "up.err")  # the other worker has its partitions


def test_a_worker_restores_what_is_left_of_a_topic_whose_records_were_removed(stack: RunningStack) -> None:
    brokers = stack.broker
    log = stack.folder / "logs" / "worker-1.log"

    async def fill() -> None:
        """Partition 0 loses all of its records, 1 the first ones; 3 ends with one that is no entry."""
        producer = AIOKafkaProducer(bootstrap_servers=brokers)
        await producer.start()
        for key, partition in ((b"a", 0), (b"b", 0), (b"c", 1), (b"d", 1), (b"e", 3), (b"\xff", 3)):
            entry = session_stats(str(key), "cat", 3, now_ms()).dumps()
            await producer.send_and_wait(SESSIONS_TOPIC, entry, key=key, partition=partition)
        ends = {}
        for partition in (0, 1):
            sent = await producer.send_and_wait(SESSIONS_TOPIC, entry, key=b"f", partition=partition)
            ends[TopicPartition(SESSIONS_TOPIC, partition)] = RecordsToDelete(sent.offset + 1 - partition)
        await producer.stop()
        admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
        await admin.start()
        deletable = {"cleanup.policy": "compact,delete"}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, SESSIONS_TOPIC, configs=deletable)])
        await admin.delete_records(ends)
        await admin.close()

    asyncio.run(fill())
    [process] = stack.processes("streams.worker")
    starts = log.read_text().count("Worker ready")
    process.kill()
    until(lambda: log.read_text().count("Worker ready") > starts, log)
    until(lambda: streamed(stack, 1.0).answered, log)


def test_a_session_that_floods_with_huge_frames_does_not_hold_up_the_others_of_its_partition(
    stack: RunningStack,
) -> None:
    async def huge(view: PresentView) -> AsyncIterator[MediaFrame]:
        async for each in endless_samples(view):
            yield MediaFrame(each.path, each.jpeg + bytes(HUGE - len(each.jpeg)))

    async def stream() -> tuple[Client, list[Client]]:
        hot = Client(stack.websocket, huge, fps=60.0, heeds_credits=False)
        quiet = [Client(stack.websocket, endless_samples, fps=1.0) for _ in range(16)]
        await asyncio.gather(*(each.run(8.0) for each in (hot, *quiet)))
        return hot, quiet

    hot, quiet = asyncio.run(stream())
    neighbours = [each for each in quiet if partition_of(each.session) == partition_of(hot.session)]
    assert neighbours  # of 16 sessions in 4 partitions
    assert hot.counts.answered
    for each in neighbours:
        assert each.counts.expired == 0
        assert each.counts.answered >= each.counts.sent / 2
