"""Every response has the security headers."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from web.security.headers import FOR_PAGES, HEADERS, SecurityHeaders


async def plain(request: Request) -> Response:
    return PlainTextResponse("text")


async def cached(request: Request) -> Response:
    return PlainTextResponse("text", headers={"Cache-Control": "max-age=86400"})


async def part(request: Request) -> Response:
    return Response("", media_type=request.query_params["type"])


async def greet(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


def client() -> TestClient:
    routes = [Route("/", plain), Route("/cached", cached), Route("/part", part), WebSocketRoute("/ws", greet)]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(SecurityHeaders)]))


def test_every_response_has_them_errors_included() -> None:
    for address in ("/", "/missing"):
        response = client().get(address)
        assert {name: response.headers[name] for name in HEADERS} == HEADERS


def test_a_header_that_a_view_has_set_stays() -> None:
    response = client().get("/cached")
    assert response.headers["cache-control"] == "max-age=86400"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/xml", "text/plain", "application/json"])
def test_whatever_a_browser_may_show_as_a_page_has_those_for_pages(kind: str) -> None:
    headers = client().get("/part", params={"type": kind}).headers
    assert {name: headers[name] for name in HEADERS} == HEADERS


@pytest.mark.parametrize("kind", ["text/javascript", "text/css", "image/png"])
def test_a_part_of_a_page_has_only_those_that_count_there(kind: str) -> None:
    headers = client().get("/part", params={"type": kind}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-cache"
    assert not {each.lower() for each in FOR_PAGES} & headers.keys()


def test_a_websocket_is_passed_through() -> None:
    with client().websocket_connect("/ws") as socket:
        assert socket.receive_text() == "hello"
