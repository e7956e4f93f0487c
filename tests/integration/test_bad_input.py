"""Bad input through the real WebSocket: its sender gets a clear error, and no other session is affected."""

import asyncio
import json
import os
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from infra.client.client import Client
from infra.client.frame_counts import total
from infra.client.media_source import MediaFrame
from streams.contract.topics import FRAMES, PREDICTIONS, REJECTED, SESSIONS, WORKERS
from tests import SAMPLES
from tests.fakes.odd_records import ODD_HEADERS, ODD_KEYS, ODD_TIMESTAMPS, odd_values
from tests.running_stack import OPERATOR_TOKEN, RunningStack
from web.protocol import Upload, pack

pytestmark = pytest.mark.broker

CAT = (SAMPLES / "cat.jpg").read_bytes()


def sized(jpeg: bytes, width: int, height: int) -> bytes:
    """The same JPEG with another size written into its header."""
    start = jpeg.index(b"\xff\xc0") + 5  # past marker, length and precision of the frame header
    return jpeg[:start] + struct.pack("!HH", height, width) + jpeg[start + 4 :]


@asynccontextmanager
async def session(stack: RunningStack) -> AsyncIterator[ClientConnection]:
    async with connect(stack.websocket, compression=None, max_size=None, proxy=None) as socket:
        assert json.loads(await socket.recv())["type"] == "welcome"
        yield socket


async def next_of(socket: ClientConnection, *kinds: str) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = json.loads(await socket.recv())
        if message["type"] in kinds:
            return message


async def is_served(socket: ClientConnection, seq: int) -> bool:
    await socket.send(pack(Upload(seq, 0.0, CAT)))
    message = await next_of(socket, "labels", "dropped", "error")
    return message["type"] == "labels" and message["seq"] == seq and "cat" in message["labels"][0]["label"]


@pytest.mark.parametrize(
    ("jpeg", "reason"),
    [
        (b"", "unreadable"),
        (CAT[: len(CAT) // 2], "unreadable"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "unreadable"),
        (os.urandom(5000), "unreadable"),
        (b"\xff\xd8" + os.urandom(5000), "unreadable"),
        (sized(CAT, 20_000, 20_000), "too_large"),
        (CAT + bytes(600_000), "too_large"),
    ],
    ids=["empty", "truncated", "png", "random", "random-jpeg", "bomb", "many-bytes"],
)
async def test_a_bad_picture_is_answered_with_the_reason_and_the_session_goes_on(
    stack: RunningStack, jpeg: bytes, reason: str
) -> None:
    async with session(stack) as other, session(stack) as socket:
        await socket.send(pack(Upload(1, 0.0, jpeg)))
        dropped = await next_of(socket, "labels", "dropped")
        assert (dropped["type"], dropped["seq"], dropped["reason"]) == ("dropped", 1, reason)
        assert dropped["message"]
        assert await is_served(socket, 2)
        assert await is_served(other, 1)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("label this", "not_binary"),
        (b"", "bad_header"),
        (b"XX" + bytes(50), "bad_header"),
        (b"SF\x09" + bytes(50), "bad_header"),
    ],
    ids=["text", "nothing", "wrong-magic", "wrong-version"],
)
async def test_a_bad_message_is_answered_with_an_error_and_the_session_goes_on(
    stack: RunningStack, message: str | bytes, code: str
) -> None:
    async with session(stack) as socket:
        await socket.send(message)
        error = await next_of(socket, "error")
        assert error["code"] == code
        assert error["message"]
        assert await is_served(socket, 1)


async def test_twenty_megabytes_end_the_socket_with_the_reason_and_nothing_else(stack: RunningStack) -> None:
    async with session(stack) as other:
        async with session(stack) as socket:
            with pytest.raises(ConnectionClosed) as closed:
                await socket.send(pack(Upload(1, 0.0, CAT + bytes(20_000_000))))
                await next_of(socket, "labels")
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009
        assert await is_served(other, 1)


async def test_a_flood_without_credits_is_told_and_ended_while_others_are_served(stack: RunningStack) -> None:
    async with session(stack) as quiet:
        async with session(stack) as flood:
            with pytest.raises(ConnectionClosed) as closed:
                for seq in range(1, 2000):
                    await flood.send(pack(Upload(seq, 0.0, CAT)))
                while True:
                    await flood.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1008
            assert "frames a second" in closed.value.rcvd.reason
        assert await is_served(quiet, 1)


TOPICS: dict[str, dict[str, object]] = {
    FRAMES: {"session": "s", "seq": 1, "model": "", "captured": 1.0, "received": 2.0},
    PREDICTIONS: {"session": "s", "seq": 1, "outcome": "answered", "stage": "worker", "labels": [], "times": {}},
    WORKERS: {"worker": "w", "at": 1.0, "models": [], "lag": {}},
    SESSIONS: {"session": "s", "started": 1.0, "last_seen": 2.0},
}


async def send_odd_records(stack: RunningStack) -> int:
    """Send records of every odd kind to each topic; returns how many."""
    sent = 0
    producer = AIOKafkaProducer(bootstrap_servers=stack.broker, max_request_size=2**22)
    await producer.start()
    try:
        for topic, fields in TOPICS.items():
            values = odd_values(fields)
            for place, value in enumerate(values):
                key = ODD_KEYS[place % len(ODD_KEYS)]
                if (value is None and key is None) or (topic == SESSIONS and key is None):
                    key = b"s"  # the client refuses neither key nor value, Kafka a compacted topic without keys
                headers = ODD_HEADERS[place % len(ODD_HEADERS)]
                timestamp = ODD_TIMESTAMPS[place % len(ODD_TIMESTAMPS)]
                if timestamp is not None and not 0 < timestamp < 2**41:  # Kafka refuses times in the future
                    timestamp = 1
                await producer.send_and_wait(topic, value, key, timestamp_ms=timestamp, headers=list(headers))
                sent += 1
            for each in range(100):
                await producer.send_and_wait(topic, os.urandom(each), key=os.urandom(5))
                sent += 1
    finally:
        await producer.stop()
    return sent


async def test_odd_records_on_every_topic_stop_nobody(stack: RunningStack) -> None:
    async def pictures(size: int) -> AsyncIterator[MediaFrame]:
        while True:
            yield MediaFrame(SAMPLES / "cat.jpg", CAT)

    consumer = AIOKafkaConsumer(REJECTED, bootstrap_servers=stack.broker, auto_offset_reset="earliest")
    await consumer.start()
    before = {each.pid for each in stack.processes()}
    clients = [Client(stack.websocket, pictures, fps=10.0) for _ in range(2)]
    try:
        running = [asyncio.create_task(each.run(15.0)) for each in clients]
        await asyncio.sleep(1)
        sent = await send_odd_records(stack)
        counts = total([await each for each in running])
        rejected: list[ConsumerRecord] = []
        while some := await consumer.getmany(timeout_ms=2000):
            rejected += [record for records in some.values() for record in records]
    finally:
        await consumer.stop()
    assert {each.pid for each in stack.processes()} == before
    assert counts.answered > 50
    assert counts.sent == counts.answered + sum(counts.dropped.values()) + counts.expired
    assert counts.expired == 0
    kinds = Counter(dict(each.headers)["topic"].decode() for each in rejected)
    assert sent > 500
    assert min(kinds[each] for each in (FRAMES, PREDICTIONS, WORKERS)) > 100, kinds
    assert all({"topic", "partition", "offset", "why"} == dict(each.headers).keys() for each in rejected)
    headers = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    report = httpx2.get(f"{stack.url}/api/ops", headers=headers).json()
    assert report["rejected"] > 300
    [worker] = report["workers"]
    assert worker["rejected"] > 200


async def test_foreign_messages_on_the_frames_topic_are_set_aside(stack: RunningStack) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stack.broker)
    consumer = AIOKafkaConsumer(REJECTED, bootstrap_servers=stack.broker, auto_offset_reset="earliest")
    await producer.start()
    await consumer.start()
    try:
        header = b'{"session":"","seq":1}'
        no_session = struct.pack("!BI", 1, len(header)) + header + CAT
        foreign = [b"not ours", b"", b"\xff\xfe", no_session]
        for value in foreign:
            await producer.send_and_wait(FRAMES, value, key=b"x")
        set_aside: set[bytes | None] = set()
        while not set_aside >= set(foreign):
            set_aside.add((await consumer.getone()).value)
        async with session(stack) as socket:
            assert await is_served(socket, 1)
    finally:
        await producer.stop()
        await consumer.stop()
