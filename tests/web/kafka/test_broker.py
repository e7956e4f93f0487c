"""What the gateway does with the records that it reads, without Kafka."""

import asyncio
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from aiokafka.errors import NodeNotReadyError
from hypothesis import given
from hypothesis import strategies as st

from streams.contract.kafka.rejected import RejectedRecord
from streams.contract.messages import Frame
from streams.contract.settings import Settings
from streams.contract.stats import SessionStats
from streams.contract.topics import PREDICTIONS, SESSIONS, WORKERS
from tests.fakes.odd_records import OddRecord, odd_records, odd_values
from web.app import create_app
from web.hub import Hub
from web.kafka.stats_reader import StatsReader
from web.kafka.stats_store import StatsStore
from web.state import GatewayState
from web.views.ops_report import operations_report

NOW = 1e12
FIELDS: dict[str, dict[str, object]] = {
    PREDICTIONS: {
        "session": "s",
        "seq": 1,
        "outcome": "answered",
        "stage": "worker",
        "labels": [{"index": 1, "label": "cat", "probability": 0.5}],
        "times": {"captured": NOW, "received": NOW},
        "also": [2],
    },
    WORKERS: {
        "worker": "w",
        "at": NOW,
        "models": [{"name": "m", "version": "1", "input_size": 224}],
        "lag": {"0": 1},
    },
}


def read(topic: str, record: OddRecord, offset: int = 0) -> Any:
    """A record as aiokafka hands it over."""
    timestamp: Any = record.timestamp
    return ConsumerRecord(topic, 0, offset, timestamp, 0, record.key, record.value, None, -1, -1, record.headers)


class Gateway:
    """A gateway whose tasks do not run, and a broker that gives it what it reads."""

    def __init__(self) -> None:
        self.state: GatewayState = create_app(Settings()).state.gateway
        hub: Hub = self.state.hub
        hub.now_ms = lambda: NOW
        hub.join("s", [], "")
        self.broker = self.state.broker
        self.broker.now_ms = hub.now_ms

    @property
    def rejected(self) -> int:
        return operations_report(self.state).rejected


@pytest.mark.parametrize("topic", FIELDS)
def test_every_odd_value_is_taken_or_counted_and_the_reader_goes_on(topic: str) -> None:
    gateway = Gateway()
    for value in odd_values(FIELDS[topic]):
        gateway.broker.take(read(topic, OddRecord(b"s", value, 0, ())))
        gateway.state.hub.tick()
    assert gateway.rejected > 20
    assert f'rejected_total{{topic="{topic}"}}' in gateway.state.hub.metrics.text().decode()


@pytest.mark.parametrize("topic", FIELDS)
@given(data=st.data())
def test_every_odd_record_is_taken_or_counted(topic: str, data: st.DataObject) -> None:
    gateway = Gateway()
    gateway.broker.take(read(topic, data.draw(odd_records(FIELDS[topic]))))
    hub = gateway.state.hub
    assert bool(hub.workers()) + bool(gateway.rejected) == 1 or topic == PREDICTIONS
    hub.tick()


@given(record=odd_records({"session": "s", "started": 1.0}))
def test_every_odd_entry_of_the_statistics_is_taken_or_counted(record: OddRecord) -> None:
    rejected: list[RejectedRecord] = []
    store = StatsStore(keep_ms=1000)
    StatsReader(Settings(), store, hash, rejected.append).take(read(SESSIONS, record, 5))
    assert len(rejected) + len(store) == (record.value is not None or bool(rejected))
    assert all((each.topic, each.offset) == (SESSIONS, 5) and each.why for each in rejected)
    store.sweep(NOW)
    assert store.get("s", NOW) is None


def test_good_entries_before_and_after_an_odd_one_are_read() -> None:
    entry = SessionStats("s", started=NOW, last_seen=NOW).dumps()
    rejected: list[RejectedRecord] = []
    store = StatsStore(keep_ms=1000)
    reader = StatsReader(Settings(), store, hash, rejected.append)
    for key, value in ((b"a", entry), (None, entry), (b"\xff", entry), (b"a", b""), (b"b", entry)):
        reader.take(read(SESSIONS, OddRecord(key, value, int(NOW), ())))
    assert store.get("a", NOW) is not None
    assert store.get("b", NOW) is not None
    assert len(rejected) == 3


async def test_messages_that_kafka_does_not_take_are_one_line_until_it_takes_them_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    takes = False

    class Producer:
        """Takes messages or not, and never those of the topic of rejected records."""

        made = 0

        def __init__(self, **_: object) -> None:
            Producer.made += 1

        async def start(self) -> None: ...

        async def stop(self) -> None: ...

        async def send(self, *_: object, **__: object) -> "asyncio.Future[None]":
            sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            if takes:
                sent.set_result(None)
            else:
                sent.set_exception(NodeNotReadyError("node 1"))
            return sent

        async def send_and_wait(self, *_: object, **__: object) -> None:
            await asyncio.Event().wait()

    class Consumer(Producer):
        def __init__(self, *_: object, **__: object) -> None: ...

        def subscribe(self, *_: object, **__: object) -> None: ...

        async def start(self) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr("web.kafka.broker.RETRY_S", 0.01)
    monkeypatch.setattr("web.kafka.sender.AIOKafkaProducer", Producer)
    monkeypatch.setattr("web.kafka.partition_reader.AIOKafkaConsumer", Consumer)
    monkeypatch.setattr("web.kafka.gateway_group.AIOKafkaConsumer", Consumer)
    broker = Gateway().broker
    running = asyncio.create_task(broker.exchange())
    for takes in (False, True, False):  # noqa: B007 - the producer reads it
        broker.take(read(WORKERS, OddRecord(b"w", None, 0, ())))  # holds nothing up
        for seq in range(1, 50):
            broker.post(Frame(session="s", seq=seq))
        await asyncio.sleep(0.1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [each.getMessage() for each in caplog.records if each.name == "web.kafka.sender"] == [
        "Kafka does not take messages: NodeNotReadyError: node 1",
        "Kafka takes messages again; lost: 49",
        "Kafka does not take messages: NodeNotReadyError: node 1",
    ]
    assert Producer.made == 3  # one that has lost a message would have none of the next ones taken
