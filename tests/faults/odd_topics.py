"""Odd records on all topics of a running stack while sessions stream, and a restart of the worker after them.

python -m tests.faults.odd_topics --records 5000
"""

import argparse
import asyncio
import json
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from infra.client.client import Client
from infra.client.frame_counts import FrameCounts, total
from infra.client.media_source import MediaFrame, PresentView
from streams.contract.topics import FRAMES, PREDICTIONS, REJECTED, SESSIONS, WORKERS
from tests import SAMPLES
from tests.fakes.odd_records import OddRecord, packed, random_odd_records
from tests.running_stack import OPERATOR_TOKEN, RunningStack, running_stack

CAT = (SAMPLES / "cat.jpg").read_bytes()
TOPICS: dict[str, dict[str, object]] = {
    FRAMES: {"session": "s", "seq": 1, "model": "", "captured": 1.0, "received": 2.0},
    PREDICTIONS: {"session": "s", "seq": 1, "outcome": "answered", "stage": "worker", "labels": [], "times": {}},
    WORKERS: {"worker": "w", "at": 1.0, "models": [], "lag": {}},
    SESSIONS: {"session": "s", "started": 1.0, "last_seen": 2.0},
    REJECTED: {"session": "s"},
}
COMPRESSIONS = ("gzip", "lz4", "snappy", "zstd")
LARGEST = 500_000  # bytes
FPS = 5.0
CLIENTS = 4
RESTART_S = 60.0


class OddName(str):
    """The name of a header that is no UTF-8."""

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


@dataclass(frozen=True)
class FuzzReport:
    """What was sent and taken by Kafka, by topic, and what the stack made of it.

    ``restarts`` are processes that ended although nobody ended them. ``rejected`` is by topic, from the worker's
    metrics, ``rejected_in_all`` what the operator sees. ``served_s`` are the seconds from the restart of the
    worker until a session is served again.
    """

    sent: Mapping[str, int]
    counts: FrameCounts
    restarts: int
    rejected: Mapping[str, int]
    rejected_in_all: int
    served_s: float
    counts_after: FrameCounts
    took_s: float


async def cats(_: PresentView) -> AsyncIterator[MediaFrame]:
    while True:
        yield MediaFrame(SAMPLES / "cat.jpg", CAT)


async def send(broker: str, topic: str, records: Iterator[OddRecord], **options: object) -> int:
    """Send records to a topic, in batches; returns how many Kafka took."""
    producer = AIOKafkaProducer(bootstrap_servers=broker, max_request_size=2**22, linger_ms=5, **options)
    await producer.start()
    sent = []
    try:
        if options.get("transactional_id"):
            await producer.begin_transaction()
        for number, each in enumerate(records):
            with suppress(KafkaError, TypeError, ValueError, OverflowError):  # the client itself refuses some
                # the client refuses neither key nor value, Kafka a compacted topic without keys
                key = b"s" if each.key is None and (each.value is None or topic == SESSIONS) else each.key
                timestamp = each.timestamp if each.timestamp is None or 0 <= each.timestamp < 2**41 else None
                headers = list(each.headers)
                if number % 50 == 49:
                    headers.append((OddName("name"), b""))
                sent.append(await producer.send(topic, each.value, key, timestamp_ms=timestamp, headers=headers))
        await producer.flush()
        if options.get("transactional_id"):
            await (producer.commit_transaction if len(sent) % 2 else producer.abort_transaction)()
        results = await asyncio.gather(*sent, return_exceptions=True)
    finally:
        await producer.stop()
    return sum(not isinstance(each, BaseException) for each in results)


async def send_compressed(broker: str, topic: str, records: list[OddRecord]) -> int:
    """Send the same records with each of Kafka's compressions, which the broker does itself."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    sent = 0
    try:
        for compression in (*COMPRESSIONS, "producer"):
            config = {"compression.type": compression}
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, config)])
            await asyncio.sleep(0.3)
            if compression != "producer":
                sent += await send(broker, topic, iter(records))
    finally:
        await admin.close()
    return sent


async def send_everything(broker: str, records: int, chance: random.Random) -> Counter[str]:
    """Send ``records`` odd records to each topic, and a few large ones and transactions; how many Kafka took."""
    sent: Counter[str] = Counter()
    for topic, fields in TOPICS.items():
        sent[topic] += await send(broker, topic, random_odd_records(fields, CAT, records, chance))
        large = packed(b"{}", bytes(LARGEST - 1000))
        sent[topic] += await send(broker, topic, iter([OddRecord(b"s", large, None, ())]))
        for count in (2, 3):  # aborted and committed; each ends with a record for the consumer alone
            odd = random_odd_records(fields, CAT, count, chance)
            sent[topic] += await send(broker, topic, odd, transactional_id=f"odd {topic} {count}")
    return sent


async def fuzz(stack: RunningStack, records: int, seed: int = 0) -> FuzzReport:
    """Try all that on a stack."""
    started = time.monotonic()
    chance = random.Random(seed)
    sent: Counter[str] = Counter()
    before = {each.pid for each in stack.processes()}
    for topic, fields in TOPICS.items():  # now, since frames in batches that the worker cannot read are lost
        sent[topic] += await send_compressed(stack.broker, topic, [*random_odd_records(fields, CAT, 5, chance)])
    clients = [Client(stack.websocket, cats, fps=FPS) for _ in range(CLIENTS)]
    running = [asyncio.create_task(each.run()) for each in clients]
    await asyncio.sleep(2)
    sent += await send_everything(stack.broker, records, chance)
    await asyncio.sleep(5)
    for each in clients:
        each.finish()
    counts = total(await asyncio.gather(*running))
    restarts = len(before - {each.pid for each in stack.processes()})
    rejected = rejected_by_topic(stack)
    in_all = rejected_in_all(stack)
    await asyncio.sleep(
        2
    )  # now the last statistics are written: the changelog ends with a record for consumers alone
    last = random_odd_records(TOPICS[SESSIONS], CAT, 61, chance)
    sent[SESSIONS] += await send(stack.broker, SESSIONS, last, transactional_id="last")
    [worker] = stack.processes("streams.worker")
    worker.send_signal(signal.SIGTERM)
    await asyncio.to_thread(worker.wait, 10)
    restarted = time.monotonic()
    served: list[float] = []
    client = Client(
        stack.websocket, cats, fps=FPS, on_answer=lambda *_: served.append(time.monotonic()), patience_s=20.0
    )
    run = asyncio.create_task(client.run())
    while len(served) < 5 and time.monotonic() - restarted < RESTART_S:
        await asyncio.sleep(0.05)
    client.finish()
    after = await run
    served_s = served[0] - restarted if served else RESTART_S
    return FuzzReport(sent, counts, restarts, rejected, in_all, served_s, after, time.monotonic() - started)


def rejected_by_topic(stack: RunningStack) -> dict[str, int]:
    """The worker's counter of rejected records."""
    groups = json.loads((stack.folder / "prometheus" / "targets.json").read_text())
    [address] = [each["targets"][0] for each in groups if each["labels"]["part"] == "worker"]
    found = {}
    for line in httpx2.get(f"http://{address}/metrics").text.splitlines():
        if line.startswith("sightstream_worker_rejected_total{"):
            found[line.split('topic="')[1].split('"')[0]] = int(float(line.split()[-1]))
    return found


def rejected_in_all(stack: RunningStack) -> int:
    """How many records gateway and worker rejected, as the operator sees it."""
    headers = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    report = httpx2.get(f"{stack.url}/api/ops", headers=headers).json()
    return int(report["rejected"] + sum(each["rejected"] for each in report["workers"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=5000, help="for each topic")
    parser.add_argument("--folder", type=Path, help="keeps the logs; a temporary folder by default")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as temporary,
        running_stack(
            options.folder or Path(temporary), "--model", "efficientnet_lite0", operator_token=OPERATOR_TOKEN
        ) as stack,
    ):
        print(asyncio.run(fuzz(stack, options.records)))


if __name__ == "__main__":
    main()
