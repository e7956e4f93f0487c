"""The JSON messages: their text, which pages of other versions read too, and the only one that a client sends."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.contract.outcomes import Outcome, Stage
from web.messages import (
    Dropped,
    Error,
    GatewayMessage,
    Label,
    Labels,
    ModelInfo,
    Models,
    Ping,
    Pong,
    SmoothedLabel,
    Welcome,
    decode,
    encode,
    parse_ping,
)
from web.protocol import BadMessage

NET = ModelInfo("net", "1", 224, crop=0.875, unsure_below=0.3)
NET_AS_JSON = {"name": "net", "version": "1", "input_size": 224, "crop": 0.875, "unsure_below": 0.3}
ANSWER: dict[str, Any] = {
    "type": "labels",
    "seq": 7,
    "labels": [{"index": 3, "label": "cat", "probability": 0.5}],
    "model": "net",
    "version": "1",
    "input_size": 224,
    "times": {"captured": 1.5},
}


def labels(smoothed: SmoothedLabel | None = None) -> Labels:
    return Labels(7, [Label(3, "cat", 0.5)], "net", "1", 224, {"captured": 1.5}, smoothed)


MESSAGES: list[tuple[GatewayMessage, dict[str, Any]]] = [
    (
        Welcome("s", 4, 1.5, [NET], NET, "token", 2, 1000, "stats/s"),
        {
            "type": "welcome",
            "session": "s",
            "seq": 4,
            "server": 1.5,
            "models": [NET_AS_JSON],
            "model": NET_AS_JSON,
            "token": "token",
            "credits": 2,
            "max_frame_bytes": 1000,
            "stats": "stats/s",
        },
    ),
    (Models([], None), {"type": "models", "models": [], "model": None}),
    (labels(), ANSWER),
    (
        labels(SmoothedLabel("cat", 0.25)),
        {**ANSWER, "steady": {"label": "cat", "probability": 0.25}},
    ),
    (
        Dropped(7, Outcome.STALE, Stage.WORKER),
        {"type": "dropped", "seq": 7, "reason": "stale", "stage": "worker"},
    ),
    (
        Dropped(7, Outcome.RATE, Stage.GATEWAY, "too many", [8, 9]),
        {
            "type": "dropped",
            "seq": 7,
            "reason": "rate",
            "stage": "gateway",
            "message": "too many",
            "also": [8, 9],
        },
    ),
    (Pong(5.0, 6.5), {"type": "pong", "sent": 5.0, "server": 6.5}),
    (Error("flood", "wait"), {"type": "error", "code": "flood", "message": "wait"}),
]


@pytest.mark.parametrize(("message", "expected"), MESSAGES)
def test_a_message_has_the_keys_that_the_page_reads_and_comes_through(
    message: GatewayMessage, expected: dict[str, Any]
) -> None:
    text = encode(message)
    assert json.loads(text) == expected
    assert decode(text) == message


def test_a_client_ignores_messages_of_a_type_that_it_does_not_know() -> None:
    assert decode('{"type": "fireworks", "seq": 1}') is None


def test_a_message_without_what_it_must_have_is_an_error() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode('{"type": "pong"}')


def test_a_ping_has_the_key_offset_even_before_there_is_one() -> None:
    assert json.loads(encode(Ping(5.0))) == {"type": "ping", "sent": 5.0, "offset": None}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("hello", "not_binary"),
        ("", "not_binary"),
        ("[" * 900, "not_binary"),
        ("1" * 2000, "not_binary"),
        ("[]", "unknown_word"),
        ('{"type":"drop table"}', "unknown_word"),
        ('{"type":"ping"}', "unknown_word"),
        ('{"type":"ping","sent":true}', "unknown_word"),
        ('{"type":"ping","sent":NaN}', "unknown_word"),
        ('{"type":"ping","sent":%s}' % ("9" * 900), "unknown_word"),
        ('{"type":"ping","sent":1,"offset":"x"}', "unknown_word"),
        ('{"type":"ping","sent":1,"offset":-Infinity}', "unknown_word"),
    ],
)
def test_a_wrong_text_gets_a_named_error(text: str, code: str) -> None:
    with pytest.raises(BadMessage) as caught:
        parse_ping(text)
    assert caught.value.code == code


def test_a_ping_is_understood() -> None:
    assert parse_ping('{"type": "ping", "sent": 5, "offset": null}') == Ping(5.0)
    assert parse_ping('{"type": "ping", "sent": 5, "offset": -2.5}') == Ping(5.0, -2.5)


TEXTS = st.text(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "sent", "offset", "ping"]) | st.text(max_size=5), inner, max_size=4
        )
    ),
    max_leaves=10,
).map(json.dumps)


@given(TEXTS)
@settings(max_examples=5000)
def test_any_text_is_a_ping_or_a_named_error(text: str) -> None:
    try:
        ping = parse_ping(text)
    except BadMessage:
        return
    json.dumps(ping.sent, allow_nan=False)
