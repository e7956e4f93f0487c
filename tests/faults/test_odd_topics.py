"""Odd records on every topic, as the command `python -m tests.faults.odd_topics` sends them, but fewer."""

import asyncio
import random
from collections.abc import Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from infra.client.client import Client
from streams.contract.topics import FRAMES, PREDICTIONS, REJECTED, WORKERS
from tests.fakes.odd_records import random_odd_records
from tests.faults.odd_topics import CAT, TOPICS, cats, fuzz, send
from tests.running_stack import OPERATOR_TOKEN, RunningStack, running_stack

pytestmark = pytest.mark.broker

RECORDS = 400  # a topic


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("odd")
    with running_stack(folder, "--model", "efficientnet_lite0", operator_token=OPERATOR_TOKEN) as stack:
        yield stack


async def test_odd_records_on_every_topic_stop_nobody_nor_the_restore_after_them(own_stack: RunningStack) -> None:
    report = await fuzz(own_stack, RECORDS)
    assert min(report.sent[topic] for topic in TOPICS) > RECORDS * 0.9
    assert report.restarts == 0
    for counts in (report.counts, report.counts_after):
        assert counts.sent == counts.answered + sum(counts.dropped.values()) + counts.expired
    assert report.counts.answered > 100
    assert report.counts.expired == 0
    assert report.sent[FRAMES] * 0.5 < report.rejected[FRAMES] <= report.sent[FRAMES]
    assert report.sent[PREDICTIONS] * 0.5 < report.rejected[PREDICTIONS] <= report.sent[PREDICTIONS]
    assert report.rejected_in_all > sum(report.rejected.values())
    assert report.served_s < 30
    assert report.counts_after.answered >= 5


async def test_records_are_rejected_although_the_topic_for_them_is_missing(own_stack: RunningStack) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=own_stack.broker)
    await admin.start()
    await admin.delete_topics([REJECTED])
    await admin.close()
    client = Client(own_stack.websocket, cats, fps=5.0)
    running = asyncio.create_task(client.run())
    for topic in (FRAMES, WORKERS, PREDICTIONS):
        odd = random_odd_records(TOPICS[topic], CAT, RECORDS, random.Random(1))
        assert await send(own_stack.broker, topic, odd) > RECORDS * 0.9
    answered = client.counts.answered
    await asyncio.sleep(4)
    client.finish()
    counts = await running
    assert counts.answered > answered + 10
    assert counts.expired == 0
    for part in ("streams.worker", "gateway"):
        [process] = own_stack.processes(part)
        process.cpu_percent()
        await asyncio.sleep(3)
        assert process.cpu_percent() < 30, part
