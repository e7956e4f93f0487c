"""Whatever a client sends, it gets named errors, and other sessions are not affected."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from streams.contract.settings import Settings
from tests.fakes.gateway import EmptyStatsReader, InstantBroker
from web.app import create_app
from web.protocol import Upload, pack

ERRORS = {"bad_header", "bad_seq", "not_binary", "unknown_word", "flood", "bad_token", "bad_pending", "old_page"}
TYPES = {"welcome", "labels", "dropped", "pong", "models", "error"}
JPEG = b"\xff\xd8\xff\xe0picture"
MESSAGES_IN_ALL = 10_000
MESSAGES = 20  # a few more mistakes than a socket may make
EXAMPLES = 1000

FRAMES = st.builds(
    lambda seq, captured, jpeg, echoes: pack(Upload(seq, captured, jpeg, tuple(echoes))),
    st.integers(0, 2**32 - 1) | st.integers(0, 30),
    st.floats(),
    st.sampled_from([JPEG, b"", b"\xff\xd8", b"GIF89a", b"\xff\xd8" * 600]),
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.floats(width=32)), max_size=3),
)
BYTES = st.binary(max_size=60) | st.binary(max_size=40).map(lambda tail: b"SF\x01" + tail) | FRAMES
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PINGS = st.fixed_dictionaries(
    {"type": st.just("ping")}, optional={"sent": ANYTHING, "offset": ANYTHING, "model": ANYTHING}
)
TEXTS = st.text(max_size=40) | ANYTHING.map(json.dumps) | PINGS.map(json.dumps) | st.just("[" * 1024)
HOSTILE = st.lists(
    BYTES.map(lambda data: {"type": "websocket.receive", "bytes": data})
    | TEXTS.map(lambda text: {"type": "websocket.receive", "text": text}),
    min_size=MESSAGES,
    max_size=MESSAGES,
)
QUERIES: st.SearchStrategy[dict[str, str]] = st.just({}) | st.fixed_dictionaries(
    {},
    optional={
        key: st.text(st.characters(exclude_categories=["Cs"]), max_size=20) for key in ("token", "key", "pending")
    },
)


@contextmanager
def running(app: Starlette) -> Iterator[asyncio.AbstractEventLoop]:
    """The loop in which the gateway runs."""
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        try:
            yield runner.get_loop()
        finally:
            runner.run(lifespan.__aexit__(None, None, None))


async def exchange(
    app: Starlette, query: dict[str, str], messages: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], int]:
    """Send ``messages`` on a new socket, then leave. Returns what the gateway sent, and how many messages it read."""
    sent: list[dict[str, Any]] = []
    unread = [{"type": "websocket.connect"}, *messages]
    unread.reverse()

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return unread.pop() if unread else {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    text = "&".join(f"{key}={quote(value)}" for key, value in query.items())
    scope = {
        "type": "websocket",
        "path": "/ws",
        "headers": [(b"host", b"here")],
        "query_string": text.encode(),
        "client": ("127.0.0.1", 1),
        "subprotocols": [f"token.{query['key']}"] if "key" in query else [],
        "extensions": {},
    }
    await app(scope, receive, send)
    return sent, len(messages) - len(unread)


def test_ten_thousand_hostile_messages_get_only_named_errors_and_harm_no_other_session() -> None:
    app = create_app(Settings(max_frame_bytes=1024), InstantBroker, EmptyStatsReader)
    messages_read = 0

    with running(app) as loop:

        @given(QUERIES, HOSTILE)
        @settings(max_examples=EXAMPLES, database=None)
        def attack(query: dict[str, str], messages: list[dict[str, Any]]) -> None:
            nonlocal messages_read
            sent, read = loop.run_until_complete(exchange(app, query, messages))
            messages_read += read
            received = [json.loads(each["text"]) for each in sent if each["type"] == "websocket.send"]
            assert {each["type"] for each in sent} <= {"websocket.accept", "websocket.send", "websocket.close"}
            assert {each["type"] for each in received} <= TYPES
            assert {each["code"] for each in received if each["type"] == "error"} <= ERRORS
            settled = [each for each in received if each["type"] in ("labels", "dropped")]
            seqs = [seq for each in settled for seq in (each["seq"], *each.get("also", []))]
            assert len(seqs) == len(set(seqs))

        attack()
        good = [{"type": "websocket.receive", "bytes": pack(Upload(1, 0.0, JPEG))}]
        idle = [{"type": "websocket.receive", "text": '{"type": "ping", "sent": 1}'}] * 20
        sent, _ = loop.run_until_complete(exchange(app, {}, good + idle))
        assert any('"labels"' in each.get("text", "") for each in sent)
        assert len(app.state.gateway.connection_limit) == 0
        assert not app.state.gateway.hub.outboxes.keys() - {app.state.gateway.canary.session}
    assert messages_read >= MESSAGES_IN_ALL
