"""The headless client, in front of a small WebSocket server that answers as each test says."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.server import ServerConnection

from infra.client.client import FINAL, Client, ClockOffset, Refused, reason
from infra.client.media_source import MediaFrame, PresentView
from streams.contract.outcomes import Outcome, Stage
from streams.contract.settings import Settings
from tests.fakes.gateway import EmptyStatsReader, InstantBroker
from tests.fakes.scripted_gateway import AHEAD_MS, NET, ScriptedGateway, serving
from web.app import create_app
from web.messages import Dropped, GatewayMessage, Label, Labels, ModelInfo, Models, Pong
from web.protocol import CloseCode, Upload

pytestmark = pytest.mark.timeout(20)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.client.client.FIRST_WAIT_S", 0.01)
    monkeypatch.setattr("infra.client.client.PING_EVERY_S", 0.02)


def frames(count: int) -> Callable[[PresentView], AsyncIterator[MediaFrame]]:
    async def source(view: PresentView) -> AsyncIterator[MediaFrame]:
        for number in range(count):
            yield MediaFrame(Path(f"{number}.jpg"), f"\xff\xd8\xff\xe0 {view()}".encode("latin-1"))

    return source


def labels(seq: int, name: str = "cat") -> Labels:
    return Labels(seq, [Label(0, name, 0.9)], "net", "1", 224, {})


def at_once(upload: Upload) -> Sequence[GatewayMessage]:
    return [labels(upload.seq)]


def sent_within_ms(uploads: Sequence[Upload]) -> float:
    return uploads[-1].captured - uploads[0].captured


@asynccontextmanager
async def running(client: Client) -> AsyncIterator["asyncio.Task[Any]"]:
    task = asyncio.create_task(client.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_every_frame_is_sent_once_and_counted_with_its_answer() -> None:
    answers: list[tuple[str, str]] = []
    async with serving(ScriptedGateway(at_once)) as gateway:
        client = Client(
            gateway.url,
            frames(5),
            on_answer=lambda frame, message, ms: answers.append((frame.path.name, message.model)),
        )
        counts = await client.run()
    assert [each.seq for each in gateway.uploads] == [1, 2, 3, 4, 5]
    assert gateway.uploads[0].jpeg.endswith(b"View(size=224, crop=1.0)")
    assert (counts.sent, counts.answered, counts.labels) == (5, 5, {"cat": 5})
    assert len(counts.round_trips) == 5
    assert answers == [(f"{number}.jpg", "net") for number in range(5)]


async def test_no_more_frames_are_in_flight_than_the_credits_allow() -> None:
    async with serving(ScriptedGateway(credits=2)) as gateway, running(Client(gateway.url, frames(9))):
        await gateway.until_uploads(2)
        await asyncio.sleep(0.05)
        assert len(gateway.uploads) == 2
        await gateway.send(labels(1))
        await gateway.until_uploads(3)
        await asyncio.sleep(0.05)
        assert len(gateway.uploads) == 3


async def test_a_client_that_ignores_its_credits_sends_all_it_has() -> None:
    client = Client("", frames(9), heeds_credits=False)
    async with serving(ScriptedGateway(credits=2)) as gateway:
        client.url = gateway.url
        async with running(client):
            await gateway.until_uploads(9)


async def test_frames_are_sent_at_the_pace_of_fps() -> None:
    async with serving(ScriptedGateway(at_once)) as gateway:
        await Client(gateway.url, frames(10), fps=50).run()
    assert sent_within_ms(gateway.uploads) >= 9 * 20 - 5


async def test_frames_that_could_not_be_sent_in_time_are_not_made_up_for() -> None:
    async with serving(
        ScriptedGateway(lambda upload: at_once(upload) if upload.seq > 1 else [], credits=1)
    ) as gateway:
        client = Client(gateway.url, frames(6), fps=50)
        async with running(client) as run:
            await gateway.until_uploads(1)
            await asyncio.sleep(0.15)
            await gateway.send(labels(1))
            await run
    assert sent_within_ms(gateway.uploads[1:]) >= 3 * 20 - 5


async def test_one_answer_superseded_halves_what_is_in_flight_and_counts_every_frame_of_it() -> None:
    dropped: list[str] = []
    async with serving(ScriptedGateway(credits=4)) as gateway:
        client = Client(gateway.url, frames(20), on_drop=lambda frame, message: dropped.append(frame.path.name))
        async with running(client):
            await gateway.until_uploads(4)
            await gateway.send(Dropped(1, Outcome.SUPERSEDED, Stage.GATEWAY, also=[2, 3]), labels(4))
            await gateway.until_uploads(5)
            await asyncio.sleep(0.05)
            assert len(gateway.uploads) == 5
    assert client.counts.dropped == {Outcome.SUPERSEDED: 3}
    assert dropped == ["0.jpg", "1.jpg", "2.jpg"]
    assert client.counts.answered == 1


async def test_an_expired_frame_is_counted_and_gives_its_credit_back() -> None:
    def expire(upload: Upload) -> Sequence[GatewayMessage]:
        return [Dropped(upload.seq, Outcome.EXPIRED, Stage.GATEWAY)]

    async with serving(ScriptedGateway(expire)) as gateway:
        counts = await Client(gateway.url, frames(5)).run()
    assert (counts.sent, counts.expired, counts.dropped) == (5, 5, {})


async def test_an_outcome_that_comes_twice_is_counted_once() -> None:
    async with serving(ScriptedGateway(lambda upload: [labels(upload.seq), labels(upload.seq)])) as gateway:
        client = Client(gateway.url, frames(3))
        counts = await client.run()
    assert (counts.sent, counts.answered) == (3, 3)
    assert client.repeated >= 2  # the last answer may come after the end


async def test_a_frame_carries_the_round_trips_of_the_answers_since_the_one_before() -> None:
    async with serving(ScriptedGateway(at_once, credits=1)) as gateway:
        counts = await Client(gateway.url, frames(3)).run()
    first, *others = (each.echoes for each in gateway.uploads)
    assert first == ()
    assert [seq for echoes in others for seq, _ in echoes] == [1, 2]
    assert [ms for echoes in others for _, ms in echoes] == pytest.approx(counts.round_trips[:2], rel=1e-5)


async def test_after_a_lost_connection_the_client_resumes_its_session_and_asks_for_what_is_pending() -> None:
    async with serving(ScriptedGateway()) as gateway, running(Client(gateway.url, frames(2), model="net")) as run:
        await gateway.until_uploads(2)
        assert gateway.socket is not None
        await gateway.socket.close(1012)
        while len(gateway.queries) < 2:
            await asyncio.sleep(0.002)
        await gateway.send(labels(1), Dropped(2, Outcome.STALE, Stage.WORKER))
        counts = await run
    assert gateway.queries == [{"model": "net"}, {"model": "net", "pending": "1,2", "sent": "2"}]
    assert gateway.tokens == ["", "token"]
    assert len(gateway.uploads) == 2
    assert (counts.sent, counts.answered, counts.dropped) == (2, 1, {Outcome.STALE: 1})


@pytest.mark.parametrize("code", sorted(FINAL))
async def test_a_close_code_of_the_gateway_ends_the_client_with_its_reason(code: CloseCode) -> None:
    async with serving(ScriptedGateway()) as gateway, running(Client(gateway.url, frames(2))) as run:
        await gateway.until_uploads(2)
        assert gateway.socket is not None
        await gateway.socket.close(code, "because")
        with pytest.raises(Refused, match="because"):
            await run
    assert len(gateway.queries) == 1


async def test_a_refused_handshake_ends_the_client_with_what_the_gateway_says() -> None:
    def refuse(socket: ServerConnection, request: Any) -> Any:
        return socket.respond(403, "not from here")

    async with serving(ScriptedGateway(), process_request=refuse) as gateway:
        with pytest.raises(Refused, match="not from here"):
            await Client(gateway.url, frames(1)).run()


@pytest.mark.parametrize("status", [401, 404, 502])
async def test_an_answer_of_a_proxy_ends_a_client_that_was_never_served(status: int) -> None:
    def refuse(socket: ServerConnection, request: Any) -> Any:
        return socket.respond(status, "<html>\n no such\n  service</html>")

    async with serving(ScriptedGateway(), process_request=refuse) as gateway:
        with pytest.raises(Refused, match=f"{gateway.url} answers {status}: <html> no such service</html>"):
            await Client(gateway.url, frames(1)).run()


async def test_too_many_connections_end_a_client_at_its_start_and_let_one_that_was_served_come_back() -> None:
    gateway = ScriptedGateway(at_once)
    gateway.refusals = 1
    async with serving(gateway):
        with pytest.raises(Refused, match="too many"):
            await Client(gateway.url, frames(1)).run()
        async with running(Client(gateway.url, frames(2), fps=20)) as run:
            await gateway.until_uploads(1)
            gateway.refusals = 2
            assert gateway.socket is not None
            await gateway.socket.close(1012)
            counts = await run
    assert (counts.sent, gateway.tokens) == (2, ["", "", "token", "token", "token"])


async def test_a_client_that_loses_its_gateway_goes_on_at_the_next_one_and_after_the_last_at_the_first() -> None:
    async with serving(ScriptedGateway()) as first, serving(ScriptedGateway()) as second:
        client = Client(first.url, frames(2), fallbacks=(second.url,))
        async with running(client) as run:
            await first.until_uploads(2)
            await first.lose()
            await second.until_queries(1)
            await second.lose()
            await first.until_queries(2)
            await first.send(labels(1), labels(2))
            counts = await run
    assert second.tokens == ["token"]
    assert second.queries[0]["sent"]
    assert first.queries[1]["pending"] == "1,2"
    assert (counts.sent, counts.answered) == (2, 2)


@pytest.mark.parametrize("refusal", ["no connection", "too many"])
async def test_a_gateway_that_takes_nobody_is_passed_over_at_the_start(refusal: str) -> None:
    async with serving(ScriptedGateway()) as full, serving(ScriptedGateway(lambda each: [labels(each.seq)])) as free:
        full.refusals = 99
        url = full.url if refusal == "too many" else "ws://127.0.0.1:1/ws"
        counts = await Client(url, frames(2), fallbacks=(url, free.url)).run()
    assert counts.answered == 2


async def test_where_no_gateway_takes_a_client_it_says_so() -> None:
    with pytest.raises(Refused, match=r"ws://127\.0\.0\.1:2/ws"):
        await Client("ws://127.0.0.1:1/ws", frames(1), fallbacks=("ws://127.0.0.1:2/ws",)).run()


async def test_without_a_gateway_the_client_says_how_to_start_one() -> None:
    async with serving(ScriptedGateway()) as gateway:
        pass
    with pytest.raises(Refused, match="sightstream up"):
        await Client(gateway.url, frames(1)).run()


async def test_a_model_that_is_not_served_is_named_with_those_that_are() -> None:
    async with serving(ScriptedGateway()) as gateway:
        with pytest.raises(Refused, match="'other' is not served; served are net"):
            await Client(gateway.url, frames(1), model="other").run()


async def test_the_client_knows_what_is_served_now_and_ignores_messages_that_it_does_not_know() -> None:
    other = ModelInfo("other", "2", 240)
    client = Client("", frames(9))
    async with serving(ScriptedGateway()) as gateway:
        client.url = gateway.url
        async with running(client):
            await gateway.until_uploads(1)
            assert client.served == NET
            assert gateway.socket is not None
            await gateway.socket.send('{"type": "fireworks"}')
            await gateway.send(Models([NET, other], other))
            while client.served != other:
                await asyncio.sleep(0.002)
    assert client.offered == [NET, other]


async def test_frames_are_cut_for_the_model_that_answers_now_also_while_none_does() -> None:
    other = ModelInfo("other", "2", 240, crop=0.9)

    def promoted(upload: Upload) -> Sequence[GatewayMessage]:
        news = {1: Models([other], other), 3: Models([], None)}
        return [*([news[upload.seq]] if upload.seq in news else []), labels(upload.seq)]

    async with serving(ScriptedGateway(promoted, credits=1)) as gateway:
        await Client(gateway.url, frames(6)).run()
    assert [each.jpeg.decode("latin-1").partition(" ")[2] for each in gateway.uploads] == [
        *2 * ["View(size=224, crop=1.0)"],  # the second one was cut before the news
        *4 * ["View(size=240, crop=0.9)"],
    ]


async def test_pings_say_by_how_much_the_servers_clock_is_ahead() -> None:
    async with serving(ScriptedGateway()) as gateway, running(Client(gateway.url, frames(2))):
        while len(gateway.pings) < 3:
            await asyncio.sleep(0.002)
    assert gateway.pings[0].offset is None
    assert gateway.pings[2].offset == pytest.approx(AHEAD_MS, abs=500)


def test_the_ping_with_the_shortest_round_trip_shows_the_offset() -> None:
    offset = ClockOffset()
    offset.update(Pong(sent=100.0, server=1150.0), now=200.0)
    assert offset.ms == 1000.0
    offset.update(Pong(sent=300.0, server=1360.0), now=310.0)
    assert offset.ms == 1055.0
    offset.update(Pong(sent=400.0, server=9999.0), now=500.0)
    assert offset.ms == 1055.0


async def test_frames_without_an_answer_expire_when_the_patience_is_over() -> None:
    async with serving(ScriptedGateway()) as gateway:
        counts = await Client(gateway.url, frames(2), patience_s=0.05).run()
    assert (counts.sent, counts.answered, counts.expired) == (2, 0, 2)


async def test_finish_sends_no_more_and_waits_for_the_last_answers() -> None:
    client = Client("", frames(9))
    async with serving(ScriptedGateway()) as gateway:
        client.url = gateway.url
        async with running(client) as run:
            await gateway.until_uploads(2)
            client.finish()
            await asyncio.sleep(0.02)
            assert not run.done()
            await gateway.send(labels(1), labels(2))
            counts = await run
    assert (counts.sent, counts.answered) == (2, 2)


async def test_a_run_of_some_seconds_ends_by_itself() -> None:
    async with serving(ScriptedGateway(at_once)) as gateway:
        counts = await Client(gateway.url, frames(10**6), fps=100).run(0.1)
    assert 1 <= counts.sent == counts.answered <= 11


async def test_client_and_gateway_agree_on_every_frame() -> None:
    app = create_app(Settings(max_frame_bytes=1024), InstantBroker, EmptyStatsReader)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="websockets-sansio"))
    serving_task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    host, number = server.servers[0].sockets[0].getsockname()
    client = Client(f"ws://{host}:{number}/ws", frames(50))
    counts = await client.run()
    server.should_exit = True
    await serving_task
    assert (counts.sent, counts.answered, counts.labels) == (50, 50, {client.session: 50})


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(111, "Connect call failed ('127.0.0.1', 8000)"), "Connection refused"),
        (
            OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 1), [Errno 111] x"),
            "Connection refused",
        ),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (TimeoutError("timed out during opening handshake"), "timed out during opening handshake"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_why_a_connection_failed_is_said_without_the_words_of_the_event_loop(error: Exception, text: str) -> None:
    assert reason(error) == text
