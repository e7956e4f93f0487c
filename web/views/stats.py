"""The statistics of one session: a page, JSON and CSV. Whoever has the session's id may read them."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streams.contract.canary import is_canary
from web.contracts.answers import Answer, PageQuery, answers
from web.sessions import Session
from web.state import GatewayState, gateway_state
from web.views.responses import Problem, StructResponse
from web.views.static_files import COMPRESSED
from web.views.stats_csv import csv_text
from web.views.stats_report import Freshness, SessionHere, SessionReport, empty_report, session_report
from web.views.templates import html

UNKNOWN = "no statistics of this session: its address is wrong, or it ended too long ago"
LOADING = "the statistics are still being read from Kafka: try again in a moment"
NOT_KNOWN = Answer(404, "There are no statistics of this session.", Problem)
NOT_LOADED = Answer(503, "The statistics are still being read from Kafka.", Problem, headers=("Retry-After",))


@answers(
    Answer(200, "The page.", "text/html"),
    Answer(404, "There are no statistics of this session: a page that says so.", "text/html"),
    query=PageQuery,
)
async def page(request: Request) -> Response:
    """The statistics page; for an unknown session, status 404 and a page that says so."""
    if await find(request) is None and not is_loading(request):
        return html(request, "nothing.html", 404, missing="statistics")
    return html(request, "stats.html")


@answers(Answer(200, "The statistics.", SessionReport), NOT_KNOWN, NOT_LOADED)
async def as_json(request: Request) -> Response:
    """The statistics as JSON."""
    report = await find(request)
    return missing(request) if report is None else StructResponse(report)


@answers(
    Answer(200, "A table.", "text/csv", headers=("Content-Disposition",)),
    NOT_KNOWN,
    NOT_LOADED,
)
async def as_csv(request: Request) -> Response:
    """The statistics as CSV, one number in each row."""
    report = await find(request)
    if report is None:
        return missing(request)
    name = f"sightstream-{report.session}.csv"
    return Response(
        csv_text(report),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def find(request: Request) -> SessionReport | None:
    """The report of the session in the address: an empty one if it is connected and has sent nothing yet."""
    state = gateway_state(request)
    session = str(request.path_params["session"])
    if is_canary(session) or state.settings.statistics == "off":
        return None
    await state.stats_reader.ask(session)
    now_ms = state.hub.now_ms()
    here = state.hub.find(session)
    fresh = freshness(state, here)
    if stats := state.stats_store.get(session, now_ms):
        return session_report(stats, now_ms, fresh)
    return empty_report(session, now_ms, fresh) if here else None


def freshness(state: GatewayState, session: Session | None) -> Freshness:
    """What this gateway knows of a session that it has, and how old its knowledge of Kafka and workers is."""
    worker_at = max((each.at for each in state.hub.workers()), default=None)
    if session is None:
        return Freshness(state.stats_reader.read_at, worker_at)
    here = SessionHere(
        connected=session.id in state.hub.outboxes,
        received_at=session.last_seen if session.traffic.received else None,
        answered_at=session.traffic.answered_at,
        unanswered=len(session.unanswered),
    )
    return Freshness(state.stats_reader.read_at, worker_at, here)


def is_loading(request: Request) -> bool:
    """Whether the statistics may still come."""
    state, session = gateway_state(request), str(request.path_params["session"])
    if is_canary(session) or state.settings.statistics == "off":
        return False
    return not state.stats_reader.is_complete(session)


def missing(request: Request) -> Response:
    """An error that says why there are no statistics."""
    if is_loading(request):
        return StructResponse(Problem(LOADING), status_code=503, headers={"Retry-After": "1"})
    return StructResponse(Problem(UNKNOWN), status_code=404)


routes = [
    Route("/stats/{session}", page, middleware=COMPRESSED),
    Route("/api/sessions/{session}/stats", as_json),
    Route("/api/sessions/{session}/stats.csv", as_csv),
]
