"""The webcam page, what a device needs to install it, and the addresses at which programs check the gateway."""

import asyncio
from pathlib import Path
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from web.contracts.answers import Answer, PageQuery, answers
from web.security.certificates import public_part
from web.state import gateway_state
from web.texts import language_of, translations
from web.views.responses import StructResponse
from web.views.static_files import COMPRESSED, version
from web.views.templates import html

DESCRIPTION = "Show your camera something, and see at once what a neural network sees."
BACKGROUND = "#f5f4f0"  # as in shared/theme.css


class Health(msgspec.Struct, frozen=True):
    """The gateway runs."""

    status: Literal["ok"]
    sockets: int  # open WebSockets
    tasks: int  # of the event loop


class Ready(msgspec.Struct, frozen=True):
    """The last canary frame came back with labels."""

    ready: Literal[True]
    label: str
    ms: float  # from the gateway until back there
    model: str
    version: str


class NotReady(msgspec.Struct, frozen=True):
    """No canary frame came back lately."""

    ready: Literal[False]
    why: str


@answers(Answer(200, "The page.", "text/html"), query=PageQuery)
async def page(request: Request) -> Response:
    """The webcam page."""
    return html(request, "index.html", address=public_address(request))


@answers(Answer(200, "The manifest.", "application/manifest+json"), query=PageQuery)
async def manifest(request: Request) -> Response:
    """What a browser needs to install the page as an app (W3C, Web Application Manifest)."""
    language = language_of(request)
    icons = f"static/{version()}/app"
    content = {
        "name": "Sightstream",
        "short_name": "Sightstream",
        "description": translations(language).get(DESCRIPTION, DESCRIPTION),
        "lang": language,
        "start_url": "./",  # all addresses are relative to the manifest's own: a proxy may have added a path
        "scope": "./",
        "display": "standalone",
        "background_color": BACKGROUND,
        "theme_color": BACKGROUND,
        "icons": [
            {"src": f"{icons}/icon-192.png", "sizes": "192x192", "type": "image/png"},
            {"src": f"{icons}/icon-512.png", "sizes": "512x512", "type": "image/png"},
            {"src": f"{icons}/maskable-512.png", "sizes": "512x512", "type": "image/png", "purpose": "maskable"},
        ],
    }
    return JSONResponse(content, headers={"Vary": "Accept-Language, Cookie"}, media_type="application/manifest+json")


@answers(
    Answer(200, "Certificates in PEM form.", "application/x-x509-ca-cert"),
    Answer(404, "The gateway's certificate is not from an authority of its own.", "text/plain"),
)
async def authority(request: Request) -> Response:
    """The certificate of the gateway's own authority, which phones install when it is opened."""
    path = gateway_state(request).settings.tls_ca
    if not path:
        return PlainTextResponse("this gateway has no authority of its own: there is nothing to install", 404)
    # read, and not sent as it is: the same file may hold a key
    content = await asyncio.to_thread(public_part, Path(path))
    return Response(content, media_type="application/x-x509-ca-cert")


def public_address(request: Request) -> str:
    """The page's whole address for links to it, with a slash at its end; empty where it is not sure."""
    forwarded = bool(request.scope.get("forwarded_host"))
    origins = gateway_state(request).origins
    origin = origins.seen_at(request.url.scheme, request.headers.get("host", ""), forwarded)
    return f"{origin}{request.scope['root_path']}/" if origin else ""


@answers(Answer(200, "The gateway runs.", Health))
async def healthz(request: Request) -> Response:
    """200 while the gateway runs, with the number of its sockets and tasks."""
    sockets, tasks = len(gateway_state(request).connection_limit), len(asyncio.all_tasks())
    return StructResponse(Health("ok", sockets, tasks))


@answers(Answer(200, "Frames are answered.", Ready), Answer(503, "Frames are not answered now.", NotReady))
async def readyz(request: Request) -> Response:
    """200 while canary frames come back through Kafka and a worker, 503 with the reason otherwise."""
    state = gateway_state(request)
    result = state.canary.last
    if result is None or state.why_not_ready:
        return StructResponse(NotReady(False, state.why_not_ready), status_code=503)
    return StructResponse(Ready(True, result.label, round(result.took_ms, 1), result.model, result.version))


routes = [
    Route("/", page, middleware=COMPRESSED),
    Route("/manifest.webmanifest", manifest, middleware=COMPRESSED),
    Route("/ca.crt", authority),
    Route("/healthz", healthz),
    Route("/readyz", readyz),
]
