import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from streams.contract.addresses import OWN_PATHS
from streams.contract.settings import Settings
from tests.fakes.gateway import EmptyStatsReader, InstantBroker
from web.app import create_app
from web.protocol import SUBPROTOCOL, CloseCode, Upload, pack, subprotocols

JPEG = b"\xff\xd8\xff\xe0picture"
SLOW = b"\xff\xd8\xff\xe0wait"


def gateway(**changes: Any) -> TestClient:
    return TestClient(create_app(Settings(**changes), InstantBroker, EmptyStatsReader))


@pytest.fixture
def client() -> Iterator[TestClient]:
    with gateway(max_frame_bytes=100_000) as client:
        yield client


def welcome(socket: WebSocketTestSession) -> dict[str, Any]:
    message: dict[str, Any] = socket.receive_json()
    assert message["type"] == "welcome"
    return message


def closed_by(client: TestClient, query: str = "", token: str = "", **headers: str) -> int:
    """The code with which a socket is closed that first gets an error."""
    with client.websocket_connect(f"/ws?{query}", subprotocols(token), headers=headers) as socket:
        assert socket.receive_json()["type"] == "error"
        with pytest.raises(WebSocketDisconnect) as gone:
            socket.receive_json()
    return gone.value.code


def next_of(socket: WebSocketTestSession, *kinds: str) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = socket.receive_json()
        if message["type"] in kinds:
            return message


def test_a_frame_is_answered_with_its_number(client: TestClient) -> None:
    with client.websocket_connect("/ws") as socket:
        hello = welcome(socket)
        socket.send_bytes(pack(Upload(1, 0.0, JPEG)))
        labels = next_of(socket, "labels")
    assert labels["seq"] == 1
    assert labels["labels"][0]["label"] == hello["session"]


def test_second_session_does_not_see_first_sessions_labels(client: TestClient) -> None:
    with client.websocket_connect("/ws") as one, client.websocket_connect("/ws") as two:
        first, second = welcome(one), welcome(two)
        assert first["session"] != second["session"]
        for seq in range(1, 11):
            one.send_bytes(pack(Upload(seq, 0.0, JPEG)))
        settled: list[int] = []
        while len(settled) < 10:
            message = next_of(one, "labels", "dropped")
            settled += [message["seq"], *message.get("also", [])]
            assert message["type"] == "dropped" or message["labels"][0]["label"] == first["session"]
        assert sorted(settled) == [*range(1, 11)]
        two.send_bytes(pack(Upload(1, 0.0, JPEG)))
        assert next_of(two, "labels", "dropped")["labels"][0]["label"] == second["session"]


@pytest.mark.parametrize(
    ("message", "code"),
    [("hello", "not_binary"), ('{"type":"x"}', "unknown_word"), (b"", "bad_header"), (b"PNG?" * 10, "bad_header")],
)
def test_a_wrong_message_is_answered_and_the_socket_lives_on(client: TestClient, message: Any, code: str) -> None:
    with client.websocket_connect("/ws") as socket:
        welcome(socket)
        socket.send_bytes(message) if isinstance(message, bytes) else socket.send_text(message)
        assert next_of(socket, "error")["code"] == code
        socket.send_bytes(pack(Upload(1, 0.0, JPEG)))
        assert next_of(socket, "labels")["seq"] == 1


@pytest.mark.parametrize(("jpeg", "reason"), [(b"\x89PNG", "unreadable"), (JPEG + bytes(100_000), "too_large")])
def test_a_picture_that_no_worker_can_use_is_dropped_with_the_reason(
    client: TestClient, jpeg: bytes, reason: str
) -> None:
    with client.websocket_connect("/ws") as socket:
        welcome(socket)
        socket.send_bytes(pack(Upload(1, 0.0, jpeg)))
        dropped = next_of(socket, "dropped")
    assert (dropped["seq"], dropped["reason"], dropped["stage"]) == (1, reason, "gateway")
    assert dropped["message"]


def test_a_client_that_makes_only_mistakes_is_disconnected(client: TestClient) -> None:
    with client.websocket_connect("/ws") as socket, pytest.raises(WebSocketDisconnect) as gone:
        for _ in range(40):
            socket.send_text("nonsense")
            socket.receive_json()
    assert gone.value.code == CloseCode.POLICY_VIOLATION


def test_a_flood_gets_an_error_and_is_disconnected_while_another_session_is_served() -> None:
    with gateway(max_fps=1) as client, client.websocket_connect("/ws") as quiet:
        welcome(quiet)
        with client.websocket_connect("/ws") as flood:
            welcome(flood)
            for seq in range(1, 40):
                flood.send_bytes(pack(Upload(seq, 0.0, JPEG)))
            assert next_of(flood, "error")["code"] == "flood"
        quiet.send_bytes(pack(Upload(1, 0.0, JPEG)))
        assert next_of(quiet, "labels")["seq"] == 1


def test_a_ping_is_answered_with_both_clocks(client: TestClient) -> None:
    with client.websocket_connect("/ws") as socket:
        socket.send_text(json.dumps({"type": "ping", "sent": 5.5, "offset": None}))
        pong = next_of(socket, "pong")
    assert pong["sent"] == 5.5
    assert pong["server"] > 1e12


def test_a_browser_that_comes_back_has_its_session_and_its_missing_answers(client: TestClient) -> None:
    with client.websocket_connect("/ws") as socket:
        hello = welcome(socket)
        socket.send_bytes(pack(Upload(1, 0.0, JPEG)))
        next_of(socket, "labels")
    with client.websocket_connect("/ws?pending=1", subprotocols(hello["token"])) as socket:
        again = welcome(socket)
        assert (again["session"], again["seq"]) == (hello["session"], 1)
        assert next_of(socket, "labels")["seq"] == 1


def test_a_frame_that_no_worker_answers_expires() -> None:
    with gateway(expire_s=0.3) as client, client.websocket_connect("/ws") as socket:
        welcome(socket)
        socket.send_bytes(pack(Upload(1, 0.0, SLOW)))
        assert next_of(socket, "dropped")["reason"] == "expired"


def test_frames_superseded_together_share_a_message(client: TestClient) -> None:
    messages: list[list[int]] = []
    with client.websocket_connect("/ws") as socket:
        welcome(socket)
        for seq in range(1, 24):  # two are with the workers, the last one waits
            socket.send_bytes(pack(Upload(seq, 0.0, SLOW)))
        while sum(map(len, messages)) < 20:
            dropped = next_of(socket, "dropped")
            assert (dropped["reason"], dropped["stage"]) == ("superseded", "gateway")
            messages.append([dropped["seq"], *dropped.get("also", [])])
    assert [seq for each in messages for seq in each] == [*range(3, 23)]
    assert len(messages) < 10


def test_a_second_socket_takes_a_session_over(client: TestClient) -> None:
    with client.websocket_connect("/ws") as old:
        token = welcome(old)["token"]
        with client.websocket_connect("/ws", subprotocols(token)) as new:
            welcome(new)
            assert next_of(old, "error")["code"] == "taken_over"
            with pytest.raises(WebSocketDisconnect):
                next_of(old, "nothing")
            new.send_bytes(pack(Upload(1, 0.0, JPEG)))
            assert next_of(new, "labels")["seq"] == 1


@pytest.mark.parametrize(
    ("query", "token", "code"),
    [
        ("", "forged", CloseCode.BAD_TOKEN),
        ("pending=x", "", CloseCode.BAD_REQUEST),
        ("pending=1,,2", "", CloseCode.BAD_REQUEST),
        ("pending=-1", "", CloseCode.BAD_REQUEST),
    ],
)
def test_a_forged_token_or_a_strange_pending_gets_an_error_and_is_closed(
    client: TestClient, query: str, token: str, code: CloseCode
) -> None:
    assert closed_by(client, query, token) == code


def test_a_page_that_still_has_its_token_in_the_address_is_told_to_reload(client: TestClient) -> None:
    with client.websocket_connect("/ws") as socket:
        token = welcome(socket)["token"]
    with client.websocket_connect(f"/ws?token={token}") as socket:
        assert "reload" in socket.receive_json()["message"]
        with pytest.raises(WebSocketDisconnect) as gone:
            socket.receive_json()
    assert (gone.value.code, "reload" in gone.value.reason) == (CloseCode.BAD_REQUEST, True)


def test_the_token_is_not_sent_back_as_the_subprotocol(client: TestClient) -> None:
    with client.websocket_connect("/ws", subprotocols("")) as socket:
        token = welcome(socket)["token"]
    for offered in (subprotocols(token), subprotocols(token)[::-1]):
        with client.websocket_connect("/ws", offered) as socket:
            assert socket.accepted_subprotocol == SUBPROTOCOL
    with client.websocket_connect("/ws", ["chat"]) as socket:
        assert socket.accepted_subprotocol is None


def test_no_address_of_the_gateway_may_be_its_root_path() -> None:
    app = create_app(Settings(), InstantBroker, EmptyStatsReader)
    paths = {"/" + str(getattr(route, "path", "")).split("/")[1] for route in app.routes}
    assert paths - {"/"} == OWN_PATHS


def test_a_page_of_another_origin_is_refused(client: TestClient) -> None:
    for origin in ("https://elsewhere.example", "http://testserver:8000", "https://testserver.example", "null", ""):
        assert closed_by(client, origin=origin) == CloseCode.BAD_ORIGIN


def test_a_refused_page_is_told_where_to_look_in_no_more_bytes_than_a_close_reason_has(client: TestClient) -> None:
    headers: dict[str, Any] = {"origin": b"https://" + b"\xe9" * 200}
    with client.websocket_connect("/ws", headers=headers) as socket:
        assert "the gateway's log says what to set" in socket.receive_json()["message"]
        with pytest.raises(WebSocketDisconnect) as gone:
            socket.receive_json()
    assert len(gone.value.reason.encode()) <= 123


def test_the_gateways_own_page_and_named_origins_may_connect() -> None:
    with gateway(origins=("https://friend.example",)) as client:
        for origin in ("http://testserver", "http://TestServer:80", "https://friend.example:443"):
            with client.websocket_connect("/ws", headers={"origin": origin}) as socket:
                welcome(socket)


def test_more_sockets_than_allowed_are_refused_for_now() -> None:
    with gateway(max_sockets_per_address=1) as client, client.websocket_connect("/ws") as socket:
        welcome(socket)
        assert closed_by(client) == CloseCode.TRY_AGAIN_LATER


def test_a_session_goes_on_at_another_gateway_with_the_same_secret_and_with_numbers_of_its_own() -> None:
    with gateway(secret="s") as one, one.websocket_connect("/ws") as socket:
        first = welcome(socket)
    offered = subprotocols(first["token"])
    with gateway(secret="s") as other, other.websocket_connect("/ws?sent=7&pending=7", offered) as socket:
        again = welcome(socket)
    assert again["session"] == first["session"]
    assert again["seq"] > 7


@pytest.mark.parametrize("sent", ["x", "-1", "4294967296"])
def test_a_number_of_the_last_frame_that_is_none_is_refused(client: TestClient, sent: str) -> None:
    assert closed_by(client, f"sent={sent}") == CloseCode.BAD_REQUEST
