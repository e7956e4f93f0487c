"""Clients whose broker does not answer."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.contract.kafka import adapt_clients
from streams.contract.kafka.connections import (
    LONGEST_PAUSE_S,
    REFUSED_PAUSE_S,
    REMIND_S,
    NoConnection,
    Outages,
    PatientClient,
    check_connection,
)
from streams.contract.kafka.refusals import Problem
from streams.contract.settings import Settings

AWAY = Problem("does not answer (Connection refused)", lasts=False)
REFUSED = Problem("refuses the user 'gateway': check the password")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def broken_broker() -> AsyncIterator[tuple[str, list[float]]]:
    """An address, and the times of the connections to it, each of which is closed at once."""
    times: list[float] = []

    def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        times.append(asyncio.get_running_loop().time())
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0)
    async with server:
        yield "{}:{}".format(*server.sockets[0].getsockname()), times


def test_an_outage_has_one_line_at_its_start_and_one_at_its_end(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    outages = Outages(clock)
    for _ in range(100):
        outages.failed("broker:9092", AWAY)
        clock.now += outages.pause_s("broker:9092")
    clock.now = 61.0
    outages.answered("broker:9092")
    outages.answered("broker:9092")
    assert [each.getMessage() for each in caplog.records] == [
        "Kafka at broker:9092 does not answer (Connection refused); trying again",
        "Kafka at broker:9092 answers again after 61 s",
    ]


def test_pauses_grow_to_a_second_and_start_again_with_the_next_outage() -> None:
    clock = Clock()
    outages = Outages(clock)
    for _ in range(2):
        pauses = []
        for _ in range(10):
            outages.failed("broker:9092", AWAY)
            pauses.append(outages.pause_s("broker:9092"))
            clock.now += pauses[-1]
        assert pauses[0] <= 0.1
        assert pauses[:4] == sorted(pauses[:4])
        assert 0.8 * LONGEST_PAUSE_S <= pauses[-1] <= LONGEST_PAUSE_S
        outages.answered("broker:9092")
        assert outages.pause_s("broker:9092") == 0


def test_a_try_of_another_client_makes_no_pause_longer() -> None:
    outages = Outages(Clock())
    for _ in range(50):
        outages.failed("broker:9092", AWAY)
    assert outages.pause_s("broker:9092") <= 0.1
    assert outages.pause_s("other:9092") == 0


async def test_a_broker_that_closes_each_connection_is_tried_less_and_less_often() -> None:
    adapt_clients()
    async with broken_broker() as (address, times):
        producer = AIOKafkaProducer(bootstrap_servers=address)
        consumer = AIOKafkaConsumer("topic", bootstrap_servers=address)
        starting = [asyncio.create_task(each.start()) for each in (producer, consumer)]
        await asyncio.sleep(3)
        assert 4 <= len(times) <= 16
        assert times[-1] - times[-3] > 2 * (times[2] - times[0])
        assert not any(each.done() for each in starting)
        for each in starting:
            each.cancel()
        await asyncio.gather(*starting, return_exceptions=True)
        await producer.stop()
        await consumer.stop()


async def test_metadata_that_nobody_has_is_asked_for_with_pauses() -> None:
    client = PatientClient()
    asked = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(2.5):
            while True:
                with suppress(KafkaError):
                    await client.fetch_all_metadata()
                asked += 1
    assert 3 <= asked <= 14
    await client.close()


def test_only_warnings_of_the_clients_themselves_are_filtered(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "aiokafka")  # commands silence it
    adapt_clients()
    adapt_clients()
    for _ in range(3):
        logging.getLogger("aiokafka").error("Unable connect to node with id %s: %s", 1, OSError())
        logging.getLogger("aiokafka.consumer.fetcher").error("Offset commit failed: %s", "x")
    assert [each.getMessage() for each in caplog.records] == ["Offset commit failed: x"]


def test_another_problem_of_the_same_broker_is_said_at_once_and_a_lasting_one_again_after_a_while(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    outages = Outages(clock)
    for problem in (AWAY, REFUSED, REFUSED):
        outages.failed("broker:9092", problem)
        clock.now += outages.pause_s("broker:9092")
    assert outages.lines() == ["Kafka at broker:9092 refuses the user 'gateway': check the password"]
    clock.now += REMIND_S
    outages.failed("broker:9092", REFUSED)
    assert [each.getMessage() for each in caplog.records] == [
        "Kafka at broker:9092 does not answer (Connection refused); trying again",
        *2 * ["Kafka at broker:9092 refuses the user 'gateway': check the password; trying again"],
    ]
    outages.answered("broker:9092")
    assert outages.lines() == []


def test_a_broker_that_refuses_this_process_is_tried_less_often_than_one_that_is_away() -> None:
    outages = Outages(clock := Clock())
    for _ in range(10):
        outages.failed("broker:9092", REFUSED)
        clock.now += outages.pause_s("broker:9092")
    outages.failed("broker:9092", REFUSED)
    assert LONGEST_PAUSE_S < outages.pause_s("broker:9092") <= REFUSED_PAUSE_S


def test_brokers_with_the_same_problem_share_a_line() -> None:
    problems = {"a:1": REFUSED, "b:2": AWAY, "c:3": REFUSED}
    assert str(NoConnection(problems)) == (
        f"Kafka at a:1, c:3 {REFUSED.text}; Kafka at b:2 does not answer (Connection refused)"
    )
    assert NoConnection(problems).lasts
    assert not NoConnection({"b:2": AWAY}).lasts


async def test_a_program_that_does_not_wait_ends_with_a_line_for_each_broker() -> None:
    async with broken_broker() as (address, _):
        with pytest.raises(NoConnection) as raised:
            await check_connection(Settings(broker=(address, "127.0.0.1:1")))
    closed = f"Kafka at {address} closes connections at once: check that this port is for "
    assert str(raised.value).split("; ") == (
        [f"{closed}SIGHTSTREAM_KAFKA_SECURITY=PLAINTEXT", "Kafka at 127.0.0.1:1 does not answer (Connection refused)"]
    )
