"""The operations view: off without a token in the settings, closed without that token, open with it."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from streams.contract.messages import ServedModel, WorkerStatus
from streams.contract.settings import Settings
from tests.fakes.gateway import EmptyStatsReader, InstantBroker, state_of, until_readyz_returns
from web.app import create_app
from web.protocol import Upload, pack
from web.security.operator_auth import COOKIE, OperatorAuth

TOKEN = "the operator's token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ADDRESSES = ("/ops", "/api/ops", "/api/sessions")
JPEG = b"\xff\xd8\xff\xe0picture"


def gateway(token: str = TOKEN, **more: Any) -> TestClient:
    return TestClient(create_app(Settings(operator_token=token), InstantBroker, EmptyStatsReader), **more)


@pytest.fixture
def client() -> Iterator[TestClient]:
    with gateway() as client:
        yield client


def sign_in(client: TestClient, token: str = TOKEN) -> Any:
    return client.post("/ops", data={"token": token}, follow_redirects=False)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer "}, BEARER])
def test_without_a_token_in_the_settings_there_is_no_view(headers: dict[str, str]) -> None:
    with gateway("") as client, client.websocket_connect("/ws") as socket:
        session = socket.receive_json()["session"]
        for address in ADDRESSES:
            response = client.get(address, headers=headers)
            assert response.status_code == 404
            assert session not in response.text
        assert "SIGHTSTREAM_OPERATOR_TOKEN" in client.get("/ops", headers=headers).text
        assert sign_in(client, "").status_code == 404
        assert client.post("/ops/signout").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": "Bearer é"},
        {"Cookie": f"{COOKIE}={TOKEN}"},
        {"Cookie": f"{COOKIE}=operator"},
        {"Cookie": f"{COOKIE}={OperatorAuth('a token of yesterday').cookie()}"},
        {"Cookie": f"{COOKIE}={OperatorAuth('').cookie()}"},
    ],
)
def test_without_the_right_token_nothing_is_shown(client: TestClient, headers: dict[str, str]) -> None:
    raw = {key.encode(): value.encode("latin-1") for key, value in headers.items()}
    with client.websocket_connect("/ws") as socket:
        session = socket.receive_json()["session"]
        for address in ADDRESSES:
            response = client.get(address, headers=raw)
            assert response.status_code == 401
            assert session not in response.text
            assert session[:6] not in response.text
    assert "token" in client.get("/ops", headers=raw).text


def test_a_wrong_token_in_the_form_opens_nothing(client: TestClient) -> None:
    for token in ("", "wrong", TOKEN[:-1], TOKEN * 500):
        response = sign_in(client, token)
        assert response.status_code == 401
        assert "not the token" in response.text
        assert "set-cookie" not in response.headers
    assert client.get("/api/ops").status_code == 401


@pytest.mark.parametrize(
    ("language", "wrong", "over"),
    [
        ("en", "That is not the token.", "Your sign-in is over. Sign in again."),
        ("de", "Das ist nicht das Token.", "Ihre Anmeldung ist abgelaufen. Melden Sie sich neu an."),
    ],
)
def test_the_form_says_in_the_persons_language_why_it_is_there(
    client: TestClient, language: str, wrong: str, over: str
) -> None:
    client.headers["Accept-Language"] = language
    assert wrong in sign_in(client, "wrong").text
    assert over in client.get("/ops?over").text
    assert not {wrong, over} & set(client.get("/ops").text.splitlines())
    assert wrong in client.post("/ops?over", data={"token": "wrong"}).text
    assert client.post("/ops?over", data={"token": TOKEN}, follow_redirects=False).headers["location"] == "ops"


def test_the_right_token_in_the_form_is_a_cookie_that_no_script_and_no_other_site_can_use(client: TestClient) -> None:
    response = sign_in(client)
    assert (response.status_code, response.headers["location"]) == (303, "ops")
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie
    assert "Secure" not in cookie
    assert client.get("/ops").status_code == 200
    assert client.get("/api/ops").status_code == 200
    assert client.post("/ops/signout", follow_redirects=False).status_code == 303
    assert client.get("/api/ops").status_code == 401


def test_over_https_the_cookie_stays_there() -> None:
    with gateway(base_url="https://sightstream.example.org") as client:
        assert "Secure" in sign_in(client).headers["set-cookie"]


def test_the_bearer_of_the_token_needs_no_cookie(client: TestClient) -> None:
    for address in ADDRESSES:
        assert client.get(address, headers=BEARER).status_code == 200


def test_only_the_pages_for_operators_may_send_a_form(client: TestClient) -> None:
    assert "form-action 'self'" in client.get("/ops").headers["content-security-policy"]
    assert "form-action 'none'" in client.get("/").headers["content-security-policy"]
    assert client.get("/ops").headers["cache-control"] == "no-cache"


def test_the_view_shows_only_the_beginnings_of_session_ids(client: TestClient) -> None:
    with client.websocket_connect("/ws") as socket:
        session = socket.receive_json()["session"]
        for seq in (1, 2, 3):
            jpeg = JPEG if seq < 3 else b"not a picture"
            socket.send_bytes(pack(Upload(seq, 0.0, jpeg, ((seq - 1, 31.25),) if seq > 1 else ())))
            while socket.receive_json()["type"] not in ("labels", "dropped"):
                pass
        report = client.get("/api/ops", headers=BEARER)
        [mine] = report.json()["sessions"]
        assert session not in report.text
        assert mine.pop("session") == session[:6]
        assert mine.pop("silent_s") < 10
        assert mine.pop("fps") > 0
        assert mine == {
            "connected": True,
            "model": "net",
            "in_flight": 0,
            "credits": 2,
            "round_trip_ms": 31.2,
            "received": 3,
            "answered": 2,
            "expired": 0,
            "dropped": {"unreadable": 1},
        }
        [whole] = client.get("/api/sessions", headers=BEARER).json()["sessions"]
        assert whole["session"] == session
    for _ in range(100):
        [gone] = client.get("/api/ops", headers=BEARER).json()["sessions"]
        if not gone["connected"]:
            return
        time.sleep(0.02)
    raise AssertionError("a session whose socket is closed is still shown as connected")


def test_the_view_sums_what_the_gateway_counted_without_canaries(client: TestClient) -> None:
    until_readyz_returns(200, client)
    with client.websocket_connect("/ws") as socket:
        socket.receive_json()
        socket.send_bytes(pack(Upload(1, 0.0, b"not a picture")))
        while socket.receive_json()["type"] != "dropped":
            pass
        report = client.get("/api/ops", headers=BEARER).json()
    assert (report["received"], report["answered"], report["expired"]) == (1, 0, 0)
    assert report["drops"] == [{"reason": "unreadable", "stage": "gateway", "frames": 1}]
    assert report["ready"]
    assert report["canary_ms"] > 0
    assert (report["load"]["sessions"], report["load"]["sockets"], report["load"]["unanswered"]) == (1, 1, 0)


def test_the_view_shows_the_last_status_of_each_worker(client: TestClient) -> None:
    hub = state_of(client).hub
    hub.note_worker(
        WorkerStatus(
            worker="busy",
            at=hub.now_ms() - 1000,
            models=[ServedModel("net", "2", 224, "openvino", "bf16")],
            batch_sizes=[[2, 3], [8, 1]],
            fps=7.0,
            queue_age_ms=12.5,
            waiting=4,
            lag={"0": 0, "3": 17},
            drops={"stale": 2},
        )
    )
    workers = {each["worker"]: each for each in client.get("/api/ops", headers=BEARER).json()["workers"]}
    busy = workers["busy"]
    assert busy["mean_batch"] == 3.5
    assert busy["lag"] == {"0": 0, "3": 17}
    assert (busy["fps"], busy["queue_age_ms"], busy["waiting"], busy["drops"]) == (7.0, 12.5, 4, {"stale": 2})
    assert busy["models"][0]["precision"] == "bf16"
    assert 1.0 <= busy["silent_s"] < 5.0
    if "w" in workers:
        assert workers["w"]["mean_batch"] is None
