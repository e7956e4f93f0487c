"""The webcam page, and the two addresses at which other programs check the gateway."""

import asyncio

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from web.state import gateway_state
from web.views.responses import StructResponse
from web.views.templates import html


async def page(request: Request) -> Response:
    """The webcam page."""
    return html(request, "index.html")


async def authority(request: Request) -> Response:
    """The certificate of the gateway's own authority, which phones install when it is opened."""
    path = gateway_state(request).settings.tls_ca
    if not path:
        return PlainTextResponse("this gateway has no authority of its own: there is nothing to install", 404)
    return FileResponse(path, media_type="application/x-x509-ca-cert")


async def healthz(request: Request) -> Response:
    """200 while the gateway runs, with the number of its sockets and tasks."""
    sockets, tasks = len(gateway_state(request).connection_limit), len(asyncio.all_tasks())
    return StructResponse({"status": "ok", "sockets": sockets, "tasks": tasks})


async def readyz(request: Request) -> Response:
    """200 while canary frames come back through Kafka and a worker, 503 otherwise."""
    canary = gateway_state(request).canary
    if canary.last is None or not canary.ready:
        return StructResponse({"ready": False, "why": "no picture came back from a worker lately"}, status_code=503)
    result = canary.last
    return StructResponse(
        {
            "ready": True,
            "label": result.label,
            "ms": round(result.took_ms, 1),
            "model": result.model,
            "version": result.version,
        }
    )


routes = [
    Route("/", page),
    Route("/ca.crt", authority),
    Route("/healthz", healthz),
    Route("/readyz", readyz),
]
