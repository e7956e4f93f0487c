"""The consumer without Kafka: how it hands a message over."""

import asyncio

import pytest

from streams.app import App
from streams.consumer import Consumer


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
    told = await consumer.wait_first(deliver(), never.wait())
    assert told.results == [asyncio.current_task()]


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
