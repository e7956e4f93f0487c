"""Bad input through the real WebSocket: its sender gets a clear error, and no other session is affected."""

import json
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from streams.contract.topics import FRAMES, REJECTED
from tests import SAMPLES
from tests.running_stack import RunningStack
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
            assert "far faster than the limit" in closed.value.rcvd.reason
        assert await is_served(quiet, 1)


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
