"""What really travels is what the documents at ``/docs`` say, and all that they say travels."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from jsonschema import Draft7Validator
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from infra.client.client import Client
from infra.client.media_source import MediaSource, media_files
from streams.contract.clock import now_ms
from streams.contract.messages import ServedModel, WorkerStatus
from streams.contract.outcomes import Outcome
from streams.contract.topics import FRAMES, WORKERS
from tests import SAMPLES
from tests.contracts import HttpContract, MessageContract, strict
from tests.fakes.recording_proxy import Recording, recording_proxy
from tests.running_stack import OPERATOR_TOKEN, RunningStack
from web.protocol import CloseCode, Upload, pack, subprotocols, unpack

pytestmark = pytest.mark.broker

CAT = (SAMPLES / "cat.jpg").read_bytes()
NOT_A_FRAME = b"not a frame"
BEARER = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait until the condition holds; 15 s at most."""
    end = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < end, f"not within 15 s: {what}"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def records(stack: RunningStack, topics: list[str]) -> AsyncIterator[list[ConsumerRecord[Any, Any]]]:
    """All records of these topics from now on; the list grows until the context ends."""
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=stack.broker)
    await consumer.start()
    found: list[ConsumerRecord[Any, Any]] = []

    async def read() -> None:
        async for record in consumer:
            found.append(record)  # noqa: PERF401 - others look at the list while it grows

    try:
        await consumer.seek_to_end()
        reading = asyncio.create_task(read())
        yield found
        reading.cancel()
    finally:
        await consumer.stop()


async def talk(recording: Recording, stack: RunningStack) -> str:
    """Let clients say and get everything that there is; returns a session's id."""
    source = MediaSource(media_files([SAMPLES]))
    client = Client(recording.url, lambda view: source.frames(view, loop=True), model="efficientnet_lite0", fps=15)
    await client.run(3)
    assert client.counts.answered
    hasty = Client(recording.url, lambda view: source.frames(view, loop=True), fps=100, heeds_credits=False)
    await hasty.run(0.6)
    assert hasty.counts.dropped[Outcome.SUPERSEDED]
    async with connect(recording.url, proxy=None, compression=None) as socket:
        for seq, message in enumerate((b"\x89PNG", CAT[: len(CAT) // 2], CAT + bytes(600_000)), start=1):
            await socket.send(pack(Upload(seq, now_ms(), message)))
        await socket.send("hello")
        await tell_of_a_model(stack, [ServedModel("contract", "1", 224)])
        await until(lambda: "models" in kinds(recording), "the message `models`")
        await tell_of_a_model(stack, [])
    async with connect(
        recording.url, proxy=None, subprotocols=[Subprotocol(each) for each in subprotocols("x")]
    ) as bad:
        with pytest.raises(ConnectionClosed):
            while True:
                await bad.recv()
    return client.session


async def tell_of_a_model(stack: RunningStack, models: list[ServedModel]) -> None:
    """Say, as a worker, that these models are served, too."""
    await produce(stack, WORKERS, WorkerStatus(worker="contract", at=now_ms(), models=models).dumps(), b"contract")


async def produce(stack: RunningStack, topic: str, value: bytes, key: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stack.broker)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, key=key)
    finally:
        await producer.stop()


def kinds(recording: Recording) -> set[str]:
    return {json.loads(each)["type"] for each in recording.down}


def ask_for_everything(stack: RunningStack, session: str) -> HttpContract:
    """Every documented request, once."""
    with httpx2.Client(base_url=stack.url, follow_redirects=False) as http:
        contract = HttpContract(http.get("/docs/openapi.json").json())
        for path, methods in contract.document["paths"].items():
            address = path.format(session=session, path="samples/cat.jpg")
            for method, operation in methods.items():
                form = {"token": OPERATOR_TOKEN} if "requestBody" in operation else None
                contract.check(method, address, http.request(method, address, headers=BEARER, data=form))
    return contract


async def test_what_travels_is_what_the_documents_say_and_nothing_else(stack: RunningStack) -> None:
    contract = MessageContract(httpx2.get(f"{stack.url}/docs/asyncapi.json").json())
    topics = [name for name in contract.document["channels"] if name != "ws"]
    async with records(stack, topics) as found, recording_proxy(stack.websocket) as recording:
        session = await talk(recording, stack)
        await produce(stack, FRAMES, NOT_A_FRAME, b"contract")
        await until(lambda: {each.topic for each in found} == set(topics), "a record of each topic")
        asked = await asyncio.to_thread(ask_for_everything, stack, session)

    for message in recording.up:
        if isinstance(message, bytes):
            assert unpack(message).seq
            contract.seen.add(("ws", "Upload"))
        elif message != "hello":
            contract.check_json(json.loads(message))
    for message in recording.down:
        contract.check_json(json.loads(message))
    for record in found:
        if record.value != NOT_A_FRAME or record.topic != FRAMES:
            contract.check_record(record.topic, record.value, {name: each.decode() for name, each in record.headers})
    query = strict(contract.document["channels"]["ws"]["bindings"]["ws"]["query"])
    for each in recording.queries:
        Draft7Validator(query).validate(each)

    assert contract.seen == contract.messages
    assert set(recording.closed) == {CloseCode.BAD_TOKEN}
    assert {(path, method) for path, method, _ in asked.seen} == {(path, method) for path, method, _ in asked.answers}
