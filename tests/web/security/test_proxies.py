"""What a request looks like behind proxies: those that strip a path, those that keep it, named ones and others."""

import logging
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from web.security.proxies import MAX_LOGGED, Proxies

PROXY = "10.0.0.5"


def seen(connection: Request | WebSocket) -> dict[str, Any]:
    scope = connection.scope
    return {
        "path": scope["path"],
        "root_path": scope["root_path"],
        "scheme": scope["scheme"],
        "host": connection.headers["host"],
        "client": scope["client"][0],
    }


async def page(request: Request) -> Response:
    return JSONResponse(seen(request))


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json(seen(websocket))
    await websocket.close()


def client(peer: str = PROXY, **how: Any) -> TestClient:
    routes = [
        Route("/", page),
        Route("/ops", page),
        Mount("/static", Route("/a.js", page)),
        WebSocketRoute("/ws", socket),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(Proxies, **how)])
    return TestClient(app, client=(peer, 5000), follow_redirects=False)


@pytest.mark.parametrize("path", ["/", "/ops", "/static/a.js"])
def test_a_proxy_may_keep_the_path_or_strip_it(path: str) -> None:
    with client(root_path="/a/b") as browser:
        for asked in (path, f"/a/b{path}", f"/{path}"):
            assert browser.get(f"http://host{asked}").json()["path"] == f"/a/b{path}"


def test_a_websocket_is_found_below_the_path() -> None:
    for asked in ("/ws", "/vision/ws"):
        with client(root_path="/vision").websocket_connect(asked) as websocket:
            assert websocket.receive_json()["path"] == "/vision/ws"


def test_a_path_that_only_begins_like_the_root_path_is_another_one() -> None:
    assert client(root_path="/vision").get("/visionary").status_code == 404


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("/vision", "/vision/"),
        ("/vision?model=a", "/vision/?model=a"),
        ("/vision/ops/", "/vision/ops"),
        ("/ops/", "/vision/ops"),
    ],
)
@pytest.mark.parametrize("host", ["127.0.0.1:8000", "evil.test", "evil.test//evil.test", "[evil"])
def test_a_redirect_stays_below_the_path_and_names_no_host(asked: str, location: str, host: str) -> None:
    response = client(root_path="/vision").get(asked, headers={"Host": host})
    assert response.status_code == 307
    assert response.headers["location"].endswith(location)
    assert response.headers["location"].startswith("/")
    assert not response.headers["location"].startswith("//")


def test_a_named_proxy_says_what_the_browser_asked_for() -> None:
    headers = {
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "example.org",
        "X-Forwarded-Prefix": "/vision/",
    }
    expected = {"root_path": "/vision", "host": "example.org", "client": "192.0.2.7"}
    for trusted in (PROXY, "10.0.0.0/8", "::1,10.0.0.5"):
        behind = client(trusted=trusted.split(","))
        assert behind.get("/ops", headers=headers).json() == {**expected, "path": "/vision/ops", "scheme": "https"}
        with behind.websocket_connect("/ws", headers=headers) as websocket:
            assert websocket.receive_json() == {**expected, "path": "/vision/ws", "scheme": "wss"}


def test_the_headers_of_others_are_ignored_and_the_log_says_what_to_set(caplog: pytest.LogCaptureFixture) -> None:
    headers = {
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "example.org",
        "X-Forwarded-Prefix": "/vision",
        "X-Forwarded-Port": "443",
    }
    with caplog.at_level(logging.WARNING), client("127.0.0.1", trusted=["10.0.0.0/8"]) as browser:
        for _ in range(3):
            assert browser.get("/ops", headers=headers).json() == browser.get("/ops").json()
    [line] = caplog.messages
    assert line.startswith("127.0.0.1 sent the header x-forwarded-for and x-forwarded-proto")
    assert "SIGHTSTREAM_TRUSTED_PROXIES" in line


def test_the_log_names_only_some_of_the_addresses_whose_headers_are_ignored(caplog: pytest.LogCaptureFixture) -> None:
    app = Proxies(Starlette(routes=[Route("/", page)]))
    with caplog.at_level(logging.WARNING):
        for number in range(100):
            TestClient(app, client=(f"192.0.2.{number}", 1)).get("/", headers={"X-Forwarded-For": "1.1.1.1"})
    assert len(caplog.messages) == MAX_LOGGED


@pytest.mark.parametrize(
    "prefix",
    [
        "//evil.test",
        "/a//evil.test",
        "javascript:alert(1)",
        "https://evil.test",
        "vision",
        "/../secret",
        "/a/../b",
        "/a/./b",
        "/..",
        '/"><script>',
        "/a b",
        "/a\tb",
        "/%2e%2e/b",
        "/a,/b",
        "/a?b",
        "/a#b",
        "/a\\b",
        "/é",
        "/" + "a/" * 5000,
        "//",
    ],
)
def test_a_prefix_that_is_no_plain_path_is_ignored(prefix: str) -> None:
    headers: Any = {"X-Forwarded-Prefix": prefix.encode("latin-1")}
    found = client(trusted=[PROXY], root_path="/mine").get("/ops", headers=headers).json()
    assert (found["root_path"], found["path"]) == ("/mine", "/mine/ops")


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:5000", "192.0.2.7"),
        ("[2001:DB8::1]:5000", "2001:db8::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("1.1.1.1, 192.0.2.7, 10.9.9.9", "192.0.2.7"),  # the first may be forged by the browser
        ("10.1.1.1, 10.2.2.2", "10.1.1.1"),  # only proxies: the first of them asks itself
        ("192.0.2.7, unknown", PROXY),
        ("unknown", PROXY),
        ("", PROXY),
        (",,", PROXY),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy(header: str, address: str) -> None:
    found = client(trusted=["10.0.0.0/8"]).get("/", headers={"X-Forwarded-For": header}).json()
    assert found["client"] == address


@pytest.mark.parametrize(
    ("scheme", "seen_as"), [("HTTPS", "https"), ("wss", "https"), ("https, http", "https"), ("x", "http")]
)
def test_the_scheme_is_one_of_the_web(scheme: str, seen_as: str) -> None:
    found = client(trusted=[PROXY]).get("/", headers={"X-Forwarded-Proto": scheme}).json()
    assert found["scheme"] == seen_as


def test_a_peer_that_listens_on_both_families_is_known_by_its_address() -> None:
    found = client(f"::ffff:{PROXY}", trusted=[PROXY]).get("/", headers={"X-Forwarded-Prefix": "/a"}).json()
    assert found["root_path"] == "/a"
