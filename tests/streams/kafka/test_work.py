"""What a consumer has to do, as its worker's liveness sees it."""

from typing import Any

from faust.types import TP, Message

from streams.app import App
from streams.contract.settings import Settings
from streams.kafka.consumer import Consumer
from streams.kafka.work import EndOffsets, work_of

PARTITION = TP("frames", 1)


async def consumer_at(position: int) -> Consumer:
    """A consumer without Kafka that would read the record at ``position`` next."""

    class Placed(Consumer):
        async def position(self, tp: TP) -> int:
            return position

    app = App("sightstream-test", broker=["aiokafka://127.0.0.1:1"])
    callback: Any = print  # none of the three is called
    return Placed(app.transport, callback, callback, callback, loop=app.loop)


def message(offset: int) -> Any:
    return Message(PARTITION.topic, PARTITION.partition, offset, 0.0, 0, None, None, b"", None)


async def test_records_that_are_not_read_are_work_and_its_mark_is_the_position() -> None:
    consumer = await consumer_at(5)
    assert await work_of(consumer, {PARTITION: 7}) == {"reading frames[1]": 5}
    assert await work_of(consumer, {PARTITION: 5}) == {}


async def test_a_record_that_is_not_acknowledged_is_work() -> None:
    consumer = await consumer_at(7)
    waiting = [message(6), message(5)]
    for each in waiting:
        consumer.track_message(each)
    assert await work_of(consumer, {PARTITION: 7}) == {"processing frames[1]": 5}
    waiting[1].acked = True
    assert await work_of(consumer, {PARTITION: 7}) == {"processing frames[1]": 6}


async def test_where_kafka_does_not_answer_nothing_is_known() -> None:
    ends = EndOffsets(Settings(broker=("127.0.0.1:1",)))
    assert await ends.of([PARTITION]) is None
    await ends.close()
