"""Two gateways on one Kafka: each reads its share, and sessions move between them."""

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import httpx2
import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from infra.client.client import Client
from infra.client.media_source import MediaFrame, PresentView, video_frame
from infra.loadtest.reconcile import lasting_differences, read_topic
from streams.contract.messages import Prediction
from streams.contract.outcomes import Outcome
from streams.contract.settings import Settings
from streams.contract.topics import PREDICTIONS
from tests import SAMPLES
from tests.fakes.relay import Relay, relay_to
from tests.running_stack import OPERATOR_TOKEN, RunningStack, running_stack
from web.messages import Labels
from web.protocol import CloseCode, Upload, pack, subprotocols

pytestmark = pytest.mark.broker

OPERATOR = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
PICTURES = sorted(SAMPLES.glob("*.jpg"))
FPS = 4.0


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    options = ("--model", "efficientnet_lite0", "--gateways", "2")
    with running_stack(tmp_path_factory.mktemp("pair"), *options, operator_token=OPERATOR_TOKEN) as stack:
        yield stack


def settings(stack: RunningStack) -> Settings:
    return Settings(broker=tuple(stack.broker.split(",")))


class Watched(Client):
    """A client that sends one picture, and knows which labels came for it and when."""

    def __init__(self, number: int, urls: Sequence[str], fps: float = FPS) -> None:
        picture = PICTURES[number % len(PICTURES)]

        async def source(view: PresentView) -> AsyncIterator[MediaFrame]:
            while True:
                yield MediaFrame(picture, video_frame(picture, view()))

        first, *others = urls
        super().__init__(first, source, fps=fps, fallbacks=others, on_answer=self.note)
        self.picture = picture
        self.labels: set[str] = set()
        self.answered_at: list[float] = []

    def note(self, frame: MediaFrame, message: Labels, _: float) -> None:
        self.labels.add(message.labels[0].label)
        self.answered_at.append(time.monotonic())


async def assert_exact(stack: RunningStack, clients: Sequence[Watched]) -> None:
    """Client, topic and table count the same; no frame was answered twice; nobody saw another's labels."""
    assert await lasting_differences(settings(stack), {each.session: each.counts for each in clients}) == []
    assert len({each.session for each in clients}) == len(clients)
    predictions = [Prediction.loads(value or b"") async for _, value in read_topic(settings(stack), PREDICTIONS)]
    answers = Counter((each.session, each.seq) for each in predictions if each.outcome == Outcome.ANSWERED)
    assert [frame for frame, number in answers.items() if number > 1] == []
    seen = [set.union(*(each.labels for each in clients if each.picture == picture)) for picture in PICTURES]
    assert all(seen)
    assert seen[0].isdisjoint(seen[1])


async def stop(clients: Sequence[Watched], running: Sequence["asyncio.Task[object]"]) -> None:
    for each in clients:
        each.finish()
    await asyncio.gather(*running)


def get(url: str) -> httpx2.Response:
    return httpx2.get(url, headers=OPERATOR, verify=False)  # there is no TLS, and its certificates take time to load


def report(url: str) -> dict[str, object]:
    found: dict[str, object] = get(f"{url}/api/ops").json()
    return found


def bytes_read(url: str) -> float:
    lines = get(f"{url}/metrics").text.splitlines()
    name = f'sightstream_gateway_read_bytes_total{{topic="{PREDICTIONS}"}}'
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


async def bytes_produced(stack: RunningStack) -> int:
    return sum([len(key) + len(value or b"") async for key, value in read_topic(settings(stack), PREDICTIONS)])


def port(url: str) -> int:
    return urlsplit(url).port or 0


def process_at(stack: RunningStack, url: str) -> psutil.Process:
    """The gateway that listens there."""
    [found] = [
        each
        for each in stack.processes("infra.commands gateway")
        if any(it.status == "LISTEN" and it.laddr.port == port(url) for it in each.net_connections("inet"))
    ]
    return found


async def test_each_of_two_gateways_reads_half_of_what_forty_sessions_produce(pair: RunningStack) -> None:
    names = {str(report(url)["gateway"]) for url in pair.urls}
    assert len(names) == 2
    shares = [report(url)["own_partitions"] for url in pair.urls]
    produced, read = await bytes_produced(pair), [bytes_read(url) for url in pair.urls]
    clients = [Watched(number, [pair.websockets[number % 2]], fps=1.5) for number in range(40)]
    await asyncio.gather(*(each.run_after(0.02 * number, 6.0) for number, each in enumerate(clients)))
    await assert_exact(pair, clients)
    produced = await bytes_produced(pair) - produced
    read = [bytes_read(url) - before for url, before in zip(pair.urls, read, strict=True)]
    assert max(read) <= 0.55 * produced, (read, produced, shares)


async def test_any_gateway_shows_the_statistics_of_any_session(pair: RunningStack) -> None:
    clients = [Watched(number, [pair.websockets[number % 2]]) for number in range(4)]
    await asyncio.gather(*(each.run(2.0) for each in clients))
    await assert_exact(pair, clients)
    for each in clients:
        reports = [get(f"{url}/api/sessions/{each.session}/stats") for url in pair.urls]
        assert [(report.status_code, report.json()["sent"]) for report in reports] == [(200, each.counts.sent)] * 2
        assert get(f"{pair.urls[0]}/stats/{each.session}").status_code == 200
    for url in pair.urls:
        assert get(f"{url}/api/sessions/nobody/stats").status_code == 404
        assert get(f"{url}/stats/nobody").status_code == 404


async def test_sessions_that_move_between_the_gateways_again_and_again_lose_nothing(pair: RunningStack) -> None:
    async with AsyncExitStack() as relays:
        networks = [await relays.enter_async_context(relay_to(port(url))) for url in pair.urls]
        urls = [f"ws://127.0.0.1:{each.port}/ws" for each in networks]
        clients = [Watched(number, urls if number % 4 < 2 else urls[::-1], fps=8.0) for number in range(8)]
        running = [asyncio.create_task(each.run()) for each in clients]
        breaks = [Relay.cut, Relay.vanish]
        for number in range(10):
            await asyncio.sleep(0.7)
            breaks[number // 2 % 2](networks[number % 2])
        await asyncio.sleep(1.0)
        await stop(clients, running)
    assert all(each.connects >= 4 for each in clients)
    assert min(each.counts.answered for each in clients) >= 5, [each.counts for each in clients]
    await assert_exact(pair, clients)


async def hello(url: str, token: str = "", sent: int = 0) -> tuple[ClientConnection, dict[str, object]]:
    offered = [Subprotocol(each) for each in subprotocols(token)]
    socket = await connect(f"{url}?sent={sent or ''}", subprotocols=offered, proxy=None)
    return socket, json.loads(await socket.recv())


async def outcome_of(socket: ClientConnection, seq: int) -> str:
    """The type of the message about a frame that is sent now."""
    await socket.send(pack(Upload(seq, time.time() * 1000, PICTURES[0].read_bytes())))
    while True:
        message = json.loads(await socket.recv())
        if message.get("seq") == seq:
            return str(message["type"])


async def test_of_two_sockets_with_one_session_at_two_gateways_the_older_one_closes(pair: RunningStack) -> None:
    older, welcome = await hello(pair.websockets[0])
    token = str(welcome["token"])
    for seq in (1, 2, 3):
        assert await outcome_of(older, seq) == "labels"
    newer, welcome = await hello(pair.websockets[1], token, sent=3)
    first = int(str(welcome["seq"])) + 1
    assert first > 4
    assert await outcome_of(older, 4) == "labels"  # nobody has told its gateway yet
    assert await outcome_of(newer, first) == "labels"
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            await asyncio.wait_for(older.recv(), 3.0)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CloseCode.TAKEN_OVER
    assert await outcome_of(newer, first + 1) == "labels"
    await newer.close()


async def test_after_kill_nine_of_a_gateway_every_session_streams_within_three_seconds_and_the_books_are_exact(
    pair: RunningStack,
) -> None:
    both = pair.websockets
    clients = [Watched(number, both if number % 4 < 2 else both[::-1]) for number in range(12)]
    running = [asyncio.create_task(each.run()) for each in clients]
    for url in pair.urls:
        await asyncio.sleep(2.0)
        killed = time.monotonic()
        os.kill(process_at(pair, url).pid, signal.SIGKILL)
        await asyncio.sleep(4.0)
        silent = [next((at - killed for at in each.answered_at if at > killed), 99.0) for each in clients]
        assert max(silent) < 3.0, silent
    await stop(clients, running)
    await assert_exact(pair, clients)
