"""What answers the operator: the operations view, the sessions, and Prometheus."""

import os
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Route

from streams.contract.canary import canary_name
from streams.contract.messages import WorkerStatus
from streams.contract.prometheus import CONTENT_TYPE, Sample
from web import metrics
from web.security.headers import HEADERS
from web.security.operator_auth import COOKIE, COOKIE_S, OperatorAuth, is_local
from web.sessions import Session
from web.views.templates import render

OFF = "there is no operations view: it is turned on by SIGHTSTREAM_OPERATOR_TOKEN"
CLOSED = "this is for operators: send the header `Authorization: Bearer TOKEN`"
MOST_LISTED = 200  # sessions in the view, the busiest
SHOWN = 6  # characters of a session's id, which whole is the key to its statistics
MOST_FORM_BYTES = 4096
WITH_FORM = HEADERS["Content-Security-Policy"].replace("form-action 'none'", "form-action 'self'")


async def page(request: Request) -> Response:
    """The operations view, or the form that asks for the operator's token."""
    guard: OperatorAuth = request.app.state.guard
    if not guard.is_open:
        return off()
    if guard.lets_in(request):
        return HTMLResponse(render("ops.html"), headers={"Content-Security-Policy": WITH_FORM})
    return sign_in_form()


async def sign_in(request: Request) -> Response:
    """Give whoever knows the token a cookie that says so."""
    guard: OperatorAuth = request.app.state.guard
    if not guard.is_open:
        return off()
    if not guard.accepts(await read_token(request)):
        return sign_in_form("That is not the token.")
    response = RedirectResponse("ops", 303)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, guard.cookie(), COOKIE_S, secure=secure, httponly=True, samesite="strict")
    return response


async def sign_out(request: Request) -> Response:
    """Take the cookie back."""
    if not request.app.state.guard.is_open:
        return off()
    response = RedirectResponse("../ops", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


async def as_json(request: Request) -> Response:
    """What the operations view shows, as JSON."""
    return why_not(request) or JSONResponse(report(request.app.state))


async def sessions(request: Request) -> Response:
    """All sessions with their whole ids, by which their statistics are found."""
    if refusal := why_not(request):
        return refusal
    state = request.app.state
    now = state.hub.now_ms()
    listed = [{**row(each, state, now), "session": each.id} for each in state.hub.sessions()]
    return JSONResponse({"now": now, "sessions": listed})


async def scrape(request: Request) -> Response:
    """The gateway's metrics, for Prometheus on this machine or with the operator's token."""
    if not (is_local(request) or request.app.state.guard.lets_in(request)):
        return PlainTextResponse(CLOSED, 401, headers={"WWW-Authenticate": "Bearer"})
    return Response(request.app.state.hub.metrics.register.text(), media_type=CONTENT_TYPE)


def off() -> Response:
    """As if there were nothing."""
    return PlainTextResponse(OFF, 404)


def why_not(request: Request) -> Response | None:
    """Why a request is not answered, or None."""
    guard: OperatorAuth = request.app.state.guard
    if not guard.is_open:
        return JSONResponse({"error": OFF}, status_code=404)
    if not guard.lets_in(request):
        return JSONResponse({"error": CLOSED}, status_code=401, headers={"WWW-Authenticate": "Bearer"})
    return None


def sign_in_form(wrong: str = "") -> Response:
    """The form for the token, and what was wrong with the last one."""
    return HTMLResponse(render("signin.html", error=wrong), 401, headers={"Content-Security-Policy": WITH_FORM})


async def read_token(request: Request) -> str:
    """The field ``token`` of a form, empty where there is none or the form is suspiciously long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_FORM_BYTES:
            return ""
    return parse_qs(body.decode(errors="replace")).get("token", [""])[0].strip()


def look(state: State) -> Iterable[Sample]:
    """The metrics that are not counted but looked at."""
    hub, canary = state.hub, state.canary
    mine = hub.sessions()
    yield metrics.SESSIONS, (), sum(each.id in hub.outboxes for each in mine)
    yield metrics.SOCKETS, (), len(state.door)
    yield metrics.UNANSWERED, (), sum(len(each.unanswered) for each in mine)
    yield metrics.WORKERS, (), len(hub.workers())
    yield metrics.READY, (), int(canary.ready)
    if canary.last:
        yield metrics.CANARY_TRIP, (), canary.last.took_ms / 1000


def report(state: State) -> dict[str, Any]:
    """All that the operations view shows; counts are since this gateway's start."""
    hub, canary = state.hub, state.canary
    now = hub.now_ms()
    mine = hub.sessions()
    busiest = sorted(mine, key=lambda each: (each.id not in hub.outboxes, -each.traffic.fps(now), -each.last_seen))
    count: metrics.Metrics = hub.metrics
    return {
        "now": now,
        "gateway": canary_name(canary.session),
        "ready": canary.ready,
        "canary_ms": round(canary.last.took_ms, 1) if canary.last else None,
        "load": {
            "sockets": len(state.door),
            "sessions": sum(each.id in hub.outboxes for each in mine),
            "unanswered": sum(len(each.unanswered) for each in mine),
            "cpus": os.cpu_count(),
            "load_average": [round(each, 2) for each in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        },
        "received": count.received,
        "answered": sum(count.answers.values()),
        "expired": count.expired,
        "drops": [
            {"reason": reason, "stage": stage, "frames": frames}
            for (reason, stage), frames in sorted(count.drops.items())
        ],
        "models": [
            {"model": model, "version": version, "frames": frames}
            for (model, version), frames in sorted(count.answers.items())
        ],
        "workers": [worker_row(each, now) for each in hub.workers()],
        "sessions": [row(each, state, now) for each in busiest[:MOST_LISTED]],
        "more_sessions": max(0, len(busiest) - MOST_LISTED),
    }


def row(session: Session, state: State, now: float) -> dict[str, Any]:
    """One session, without the rest of its id."""
    outbox = state.hub.outboxes.get(session.id)
    served = state.hub.served(outbox.model)["model"] if outbox else None
    traffic = session.traffic
    return {
        "session": session.id[:SHOWN],
        "connected": outbox is not None,
        "model": served["name"] if served else None,
        "fps": round(traffic.fps(now), 1),
        "in_flight": session.in_flight,
        "credits": session.settings.credits,
        "round_trip_ms": traffic.round_trip_ms and round(traffic.round_trip_ms, 1),
        "received": traffic.received,
        "answered": traffic.answered,
        "expired": traffic.expired,
        "dropped": dict(sorted(traffic.dropped.items())),
        "silent_s": round((now - session.last_seen) / 1000, 1),
    }


def worker_row(status: WorkerStatus, now: float) -> dict[str, Any]:
    """One worker, as it told of itself last."""
    batches = sum(number for _, number in status.batch_sizes)
    frames = sum(size * number for size, number in status.batch_sizes)
    return {
        "worker": status.worker,
        "at": status.at,
        "silent_s": round((now - status.at) / 1000, 1),
        "models": [each.asdict() for each in status.models],
        "fps": status.fps,
        "batch_sizes": status.batch_sizes,
        "mean_batch": round(frames / batches, 2) if batches else None,
        "queue_age_ms": status.queue_age_ms,
        "waiting": status.waiting,
        "lag": {int(partition): frames for partition, frames in status.lag.items()},
        "drops": status.drops,
    }


routes = [
    Route("/ops", page),
    Route("/ops", sign_in, methods=["POST"]),
    Route("/ops/signout", sign_out, methods=["POST"]),
    Route("/api/ops", as_json),
    Route("/api/sessions", sessions),
    Route("/metrics", scrape),
]
