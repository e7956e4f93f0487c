"""Views for operators: the operations view, the list of sessions, and the metrics for Prometheus."""

from typing import TypedDict
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from streams.contract.prometheus import CONTENT_TYPE
from web.contracts.answers import Answer, PageQuery, answers
from web.security.headers import HEADERS
from web.security.operator_auth import COOKIE, COOKIE_S, is_local
from web.state import gateway_state
from web.views.ops_report import OperationsReport, SessionList, operations_report, session_list
from web.views.responses import Problem, StructResponse
from web.views.static_files import COMPRESSED
from web.views.templates import html, root_address

OFF = "there is no operations view: it is turned on by SIGHTSTREAM_OPERATOR_TOKEN"
CLOSED = "this is for operators: send the header `Authorization: Bearer TOKEN`"
MAX_FORM_BYTES = 4096
WITH_FORM = HEADERS["Content-Security-Policy"].replace("form-action 'none'", "form-action 'self'")


NO_OPERATOR = Answer(401, "The request has no valid token.", Problem, headers=("WWW-Authenticate",))
NO_OPERATIONS = Answer(404, "No operator's token is set.", Problem)
FORM = Answer(401, "The form that asks for the token.", "text/html")
NO_PAGE = Answer(404, "No operator's token is set: a page that says so.", "text/html")
TO_PAGE = Answer(303, "To the operations view.", headers=("Location", "Set-Cookie"))


class ViewQuery(PageQuery, total=False):
    """What the address of the operations view can have."""

    over: str  # there where a sign-in has ended, whatever its value


class SignIn(TypedDict):
    """The form."""

    token: str  # the operator's


@answers(Answer(200, "The page.", "text/html"), FORM, NO_PAGE, query=ViewQuery)
async def page(request: Request) -> Response:
    """The operations view, or the form that asks for the operator's token."""
    auth = gateway_state(request).operator_auth
    if not auth.enabled:
        return off(request)
    if auth.allows(request):
        return html(request, "ops.html", headers={"Content-Security-Policy": WITH_FORM})
    return sign_in_form(request, "over" if "over" in request.query_params else "")


@answers(TO_PAGE, FORM, NO_PAGE, form=SignIn)
async def sign_in(request: Request) -> Response:
    """Set the operator's cookie if the form has the right token."""
    auth = gateway_state(request).operator_auth
    if not auth.enabled:
        return off(request)
    if not auth.is_token(await read_token(request)):
        return sign_in_form(request, "wrong")
    response = RedirectResponse(f"{root_address(request)}ops", 303)
    secure, path = request.url.scheme == "https", cookie_path(request)
    response.set_cookie(COOKIE, auth.cookie(), COOKIE_S, path=path, secure=secure, httponly=True, samesite="strict")
    return response


@answers(TO_PAGE, NO_PAGE)
async def sign_out(request: Request) -> Response:
    """Delete the operator's cookie."""
    if not gateway_state(request).operator_auth.enabled:
        return off(request)
    response = RedirectResponse(f"{root_address(request)}ops", 303)
    response.delete_cookie(COOKIE, cookie_path(request), httponly=True, samesite="strict")
    return response


@answers(Answer(200, "All of it.", OperationsReport), NO_OPERATOR, NO_OPERATIONS, operators_only=True)
async def as_json(request: Request) -> Response:
    """What the operations view shows, as JSON."""
    return refusal(request) or StructResponse(operations_report(gateway_state(request)))


@answers(Answer(200, "The sessions.", SessionList), NO_OPERATOR, NO_OPERATIONS, operators_only=True)
async def sessions(request: Request) -> Response:
    """All sessions with their whole ids, which give access to their statistics."""
    return refusal(request) or StructResponse(session_list(gateway_state(request)))


@answers(
    Answer(200, "The metrics, in Prometheus' text format.", CONTENT_TYPE.partition(";")[0]),
    Answer(401, "The request is from elsewhere and has no valid token.", "text/plain", headers=("WWW-Authenticate",)),
    operators_only=True,
)
async def scrape(request: Request) -> Response:
    """The gateway's metrics, for Prometheus on this machine or with the operator's token."""
    state = gateway_state(request)
    if not (is_local(request) or state.operator_auth.allows(request)):
        return PlainTextResponse(CLOSED, 401, headers={"WWW-Authenticate": "Bearer"})
    return Response(state.hub.metrics.text(), media_type=CONTENT_TYPE)


def off(request: Request) -> Response:
    """The page where no operator's token is set."""
    return html(request, "nothing.html", 404, missing="operations")


def refusal(request: Request) -> Response | None:
    """The error response to a request without the operator's token; None for a request that has it."""
    auth = gateway_state(request).operator_auth
    if not auth.enabled:
        return StructResponse(Problem(OFF), status_code=404)
    if not auth.allows(request):
        return StructResponse(Problem(CLOSED), status_code=401, headers={"WWW-Authenticate": "Bearer"})
    return None


def cookie_path(request: Request) -> str:
    """Where the browser sends the operator's cookie: to this gateway, and to no other below the same host."""
    return str(request.scope["root_path"]) or "/"


def sign_in_form(request: Request, error: str) -> Response:
    """The form for the token. ``error`` is "wrong" after a wrong token, and "over" where the sign-in is over."""
    return html(request, "signin.html", 401, {"Content-Security-Policy": WITH_FORM}, error=error)


async def read_token(request: Request) -> str:
    """The field ``token`` of a form; empty if there is none or the form is longer than ``MAX_FORM_BYTES``."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_FORM_BYTES:
            return ""
    return parse_qs(body.decode(errors="replace")).get("token", [""])[0].strip()


routes = [
    Route("/ops", page, middleware=COMPRESSED),
    Route("/ops", sign_in, methods=["POST"]),
    Route("/ops/signout", sign_out, methods=["POST"]),
    Route("/api/ops", as_json),
    Route("/api/sessions", sessions),
    Route("/metrics", scrape),
]
