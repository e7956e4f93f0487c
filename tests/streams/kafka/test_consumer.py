"""The consumer without Kafka: how it hands a message over."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.exceptions import ProducerSendError
from faust.types import TP, FutureMessage, PendingMessage

from streams.app import App
from streams.kafka.consumer import Consumer

SENT: Any = object()


@pytest.fixture
async def app() -> App:
    app = App("sightstream-test", broker=["aiokafka://127.0.0.1:1"])
    app.flow_control.resume()
    return app


@pytest.fixture
async def consumer(app: App) -> Consumer:
    assert isinstance(app.consumer, Consumer)
    return app.consumer


async def test_it_is_on_the_loop_of_its_app(consumer: Consumer) -> None:
    assert consumer._thread.thread_loop is asyncio.get_running_loop()


async def test_a_message_is_delivered_at_once(consumer: Consumer) -> None:
    async def deliver() -> asyncio.Task[None] | None:
        return asyncio.current_task()

    never = asyncio.Event()
    waited = await consumer.wait_first(deliver(), never.wait())
    assert waited.results == [asyncio.current_task()]


@pytest.mark.parametrize("why", ["full", "suspended"])
async def test_a_delivery_that_is_held_up_is_given_up_when_partitions_move(
    app: App, consumer: Consumer, why: str
) -> None:
    buffer = app.FlowControlQueue(1, clear_on_resume=True)  # as a stream has one
    if why == "full":
        buffer.put_nowait("a message")
    else:
        app.flow_control.suspend()
    given_up = asyncio.Event()

    async def deliver() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    moving = asyncio.Event()
    delivery = asyncio.create_task(consumer.wait_first(deliver(), moving.wait()))
    await asyncio.sleep(0.01)
    assert not delivery.done()
    moving.set()
    async with asyncio.timeout(5):
        assert not (await delivery).stopped
        await given_up.wait()


async def test_what_a_delivery_raises_is_not_lost(consumer: Consumer) -> None:
    async def deliver() -> None:
        raise ValueError("not this one")

    with pytest.raises(ValueError, match="not this one"):
        await consumer.wait_first(deliver(), asyncio.Event().wait())


@pytest.mark.parametrize("committed", [None, 3])
async def test_nothing_is_lost_that_comes_while_partitions_are_taken_up_again(
    app: App, consumer: Consumer, monkeypatch: pytest.MonkeyPatch, committed: int | None
) -> None:
    """Faust's order: partitions are open, then their offsets are sought, then buffers are emptied."""
    partition, end = TP("topic", 0), 9
    position = committed or 0
    expected = list(range(position, end))
    buffer = app.FlowControlQueue(100, clear_on_resume=True)

    class Thread:
        """What the consumer asks for, without a broker."""

        async def getmany(self, _: Any, timeout: float) -> dict[TP, list[Any]]:
            nonlocal position
            await asyncio.sleep(0.001)
            records = [
                SimpleNamespace(topic="topic", offset=each, key=b"", value=b"") for each in range(position, end)
            ]
            position = end
            return {partition: records} if records else {}

        async def seek_to_committed(self) -> dict[TP, int | None]:
            nonlocal position
            position = committed or position
            await asyncio.sleep(0.05)  # the loop has other things to do
            return {partition: committed}

        async def seek_to_beginning(self, *_: TP) -> None:
            nonlocal position
            position = 0

        def highwater(self, _: TP) -> int:
            return end

    monkeypatch.setattr(consumer, "_thread", Thread())
    monkeypatch.setattr(consumer, "_to_message", lambda _, record: record)
    monkeypatch.setattr(consumer, "callback", buffer.put)
    consumer.resume_partitions({partition})
    reading = asyncio.create_task(consumer._drain_messages(SimpleNamespace(_stopped=asyncio.Event())))  # type: ignore[arg-type]
    await asyncio.sleep(0.01)
    await consumer.perform_seek()
    app.flow_control.resume()
    consumer.resume_flow()
    try:
        async with asyncio.timeout(5):
            assert [(await buffer.get()).offset for _ in expected] == expected
    finally:
        reading.cancel()


async def test_a_message_that_cannot_be_sent_holds_up_neither_the_next_one_nor_the_worker(app: App) -> None:
    class Channel:
        """Sends all messages but the first."""

        sent = 0

        async def publish_message(self, message: FutureMessage, wait: bool) -> None:
            self.sent += 1
            if self.sent == 1:
                raise ProducerSendError("the topic is missing")
            message.set_result(SENT)

    channel: Any = Channel()
    first, second = (FutureMessage(PendingMessage(channel, *[None] * 8)) for _ in range(2))
    buffer = app.producer.buffer
    await buffer.start()
    try:
        buffer.put(first)
        buffer.put(second)
        async with asyncio.timeout(5):
            with pytest.raises(ProducerSendError, match="missing"):
                await first
            assert await second is SENT
        assert not buffer.crashed
    finally:
        await buffer.stop()


async def test_offsets_of_partitions_that_are_gone_are_not_committed_and_nothing_ends(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer._thread, "assignment", set)
    assert not await consumer._thread.commit({TP("topic", 0): 3})
    assert not consumer.crashed
