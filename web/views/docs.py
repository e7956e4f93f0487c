"""The documents of the gateway's interfaces, and the pages that show them. Everybody may read them."""

from functools import lru_cache
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from web.contracts.answers import Answer, PageQuery, answers
from web.contracts.asyncapi import asyncapi
from web.contracts.openapi import openapi
from web.state import gateway_state
from web.views.static_files import COMPRESSED
from web.views.templates import html, root_address


@lru_cache(maxsize=1)
def http_contract(app: Starlette) -> dict[str, Any]:
    """The OpenAPI document of a gateway, without the address of its root."""
    return openapi(app.routes)


PAGE = Answer(200, "The page.", "text/html")
DOCUMENT = Answer(200, "The document.", "application/json")


@answers(PAGE, query=PageQuery)
async def http_page(request: Request) -> Response:
    """The interface of the gateway over HTTP, for people."""
    return html(request, "docs.html", shows="http")


@answers(PAGE, query=PageQuery)
async def messages_page(request: Request) -> Response:
    """The messages of the WebSocket and of Kafka, for people."""
    return html(request, "docs.html", shows="messages")


@answers(DOCUMENT)
async def http_document(request: Request) -> Response:
    """The interface of the gateway over HTTP, as OpenAPI."""
    servers = [{"url": root_address(request).removesuffix("/")}]
    return JSONResponse({**http_contract(request.app), "servers": servers})


@answers(DOCUMENT)
async def messages_document(request: Request) -> Response:
    """The messages of the WebSocket and of Kafka, as AsyncAPI."""
    state = gateway_state(request)
    scheme, host = request.url.scheme, request.headers.get("host", "")
    origin = state.origins.seen_at(scheme, host, bool(request.scope.get("forwarded_host")))
    shown = str(origin).partition("://")[2] if origin else "localhost"
    return JSONResponse(asyncapi(state.settings, shown, request.scope["root_path"], secure=scheme == "https"))


routes = [
    Route("/docs", http_page, middleware=COMPRESSED),
    Route("/docs/messages", messages_page, middleware=COMPRESSED),
    Route("/docs/openapi.json", http_document, middleware=COMPRESSED),
    Route("/docs/asyncapi.json", messages_document, middleware=COMPRESSED),
]
