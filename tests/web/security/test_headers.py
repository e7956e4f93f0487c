"""Every response has the security headers."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from web.security.headers import HEADERS, SecurityHeaders


async def plain(request: Request) -> Response:
    return PlainTextResponse("text")


async def cached(request: Request) -> Response:
    return PlainTextResponse("text", headers={"Cache-Control": "max-age=86400"})


async def greet(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


def client() -> TestClient:
    routes = [Route("/", plain), Route("/cached", cached), WebSocketRoute("/ws", greet)]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(SecurityHeaders)]))


def test_every_response_has_them_errors_included() -> None:
    for address in ("/", "/missing"):
        response = client().get(address)
        assert {name: response.headers[name] for name in HEADERS} == HEADERS


def test_a_header_that_a_view_has_set_stays() -> None:
    response = client().get("/cached")
    assert response.headers["cache-control"] == "max-age=86400"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_a_websocket_is_passed_through() -> None:
    with client().websocket_connect("/ws") as socket:
        assert socket.receive_text() == "hello"
