"""What answers at the addresses of a session's statistics. Who holds the session's id may read them."""

import csv
import io
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from streams.contract.canary import is_canary
from web.views.stats_report import HEADER, empty, report, rows
from web.views.templates import render

CHARTS = "chartkick/django/static/chartkick/Chart.bundle.js"  # Chart.js, as the package chartkick ships it

UNKNOWN = "no statistics of this session: its address is wrong, or it ended too long ago"
LOADING = "the statistics are still being read from Kafka: try again in a moment"


async def page(request: Request) -> Response:
    """The statistics page, or with status 404 one that says there is nothing."""
    if find(request) is None and request.app.state.archive.complete:
        return HTMLResponse(render("nothing.html"), 404)
    return HTMLResponse(render("stats.html"))


async def as_json(request: Request) -> Response:
    """The statistics as JSON."""
    told = find(request)
    return missing(request) if told is None else JSONResponse(told)


async def as_csv(request: Request) -> Response:
    """The statistics as CSV, one number a row."""
    told = find(request)
    if told is None:
        return missing(request)
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(HEADER)
    table.writerows(rows(told))
    name = f"sightstream-{told['session']}.csv"
    return Response(
        text.getvalue(),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def charts(request: Request) -> Response:
    """The library that draws the charts."""
    return FileResponse(library(), media_type="text/javascript", headers={"Cache-Control": "max-age=86400"})


def find(request: Request) -> dict[str, Any] | None:
    """The report of the session that is asked for; an empty one where it is here and has sent nothing yet."""
    state = request.app.state
    session = request.path_params["session"]
    now_ms = state.hub.now_ms()
    if is_canary(session) or state.settings.statistics == "off":
        return None
    if stats := state.archive.get(session, now_ms):
        return report(stats, now_ms)
    return empty(session, now_ms) if state.hub.knows(session) else None


def missing(request: Request) -> Response:
    """Why there are no statistics."""
    if not request.app.state.archive.complete and request.app.state.settings.statistics == "on":
        return JSONResponse({"error": LOADING}, status_code=503, headers={"Retry-After": "1"})
    return JSONResponse({"error": UNKNOWN}, status_code=404)


def library() -> Path:
    """Where the package chartkick has put Chart.js."""
    found = find_spec("chartkick")
    assert found and found.origin, "the package chartkick is missing: pip install 'sightstream[gateway]'"
    return Path(found.origin).parent.parent / CHARTS


routes = [
    Route("/stats/{session}", page),
    Route("/api/sessions/{session}/stats", as_json),
    Route("/api/sessions/{session}/stats.csv", as_csv),
    Route("/static/vendor/chart.js", charts),
]
