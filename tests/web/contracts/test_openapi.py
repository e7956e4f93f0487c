"""The OpenAPI document says what the gateway answers, all of it and nothing else."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError
from openapi_spec_validator import validate
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from infra.local.own_certificate import own_certificate
from streams.contract.settings import Settings
from tests.contracts import HttpContract
from tests.fakes.gateway import EmptyStatsReader, InstantBroker, state_of, until_readyz_returns
from tests.fakes.statistics import session_stats
from web.app import create_app
from web.contracts.answers import Answer, answers
from web.contracts.openapi import openapi, operations
from web.kafka.stats_reader import StatsReader
from web.protocol import Upload, pack

TOKEN = "a word that only operators know"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class SilentBroker(InstantBroker):
    """Has no worker."""

    async def run(self) -> None:
        pass


class EndlessReader(StatsReader):
    """Never has all statistics."""

    async def run(self) -> None:
        pass


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, TestClient]]:
    """Gateways in several states by name."""
    own = own_certificate(tmp_path_factory.mktemp("tls"), ["localhost"], "--data-dir")
    settings = Settings(operator_token=TOKEN, tls_ca=str(own.authority))
    apps = {
        "whole": create_app(settings, InstantBroker, EmptyStatsReader),
        "bare": create_app(Settings(), SilentBroker, EndlessReader),
    }
    with ExitStack() as stack:
        yield {name: stack.enter_context(TestClient(app)) for name, app in apps.items()}


@pytest.fixture
def contract(clients: dict[str, TestClient]) -> HttpContract:
    return HttpContract(clients["whole"].get("/docs/openapi.json").json())


def test_the_document_is_valid(contract: HttpContract) -> None:
    validate(contract.document)
    assert contract.document["openapi"].startswith("3.1")


def test_every_documented_answer_is_given_as_documented(
    clients: dict[str, TestClient], contract: HttpContract
) -> None:
    whole, bare = clients["whole"], clients["bare"]
    store = state_of(whole)
    store.stats_store.put("abc", session_stats("abc", "tabby", 40, store.hub.now_ms()).dumps(), store.hub.now_ms())
    until_readyz_returns(200, whole)

    def ask(client: TestClient, path: str, method: str = "get", **more: Any) -> Response:
        response = client.request(method, path, follow_redirects=False, **more)
        contract.check(method, path, response)
        return response  # type: ignore[return-value]

    with whole.websocket_connect("/ws") as socket:  # so that sessions and counts are not empty
        session = socket.receive_json()["session"]
        socket.send_bytes(pack(Upload(1, 0.0, b"\xff\xd8\xff\xe0picture")))
        socket.send_bytes(pack(Upload(2, 0.0, b"not a picture", ((1, 30.0),))))
        while socket.receive_json()["type"] != "dropped":
            pass
        ask(whole, f"/api/sessions/{session}/stats")
        ask(whole, "/api/ops", headers=BEARER)
        ask(whole, "/api/sessions", headers=BEARER)
    for path in ("/", "/manifest.webmanifest", "/ca.crt", "/healthz", "/readyz", "/stats/abc", "/stats/unknown"):
        ask(whole, path)
    for path in ("/docs", "/docs/messages", "/docs/openapi.json", "/docs/asyncapi.json"):
        ask(whole, path)
    for client, name in ((whole, "abc"), (whole, "unknown"), (bare, "abc")):
        ask(client, f"/api/sessions/{name}/stats")
        ask(client, f"/api/sessions/{name}/stats.csv")
    for path in ("/ops", "/api/ops", "/api/sessions", "/metrics"):
        ask(whole, path)
        ask(whole, path, headers=BEARER)
        ask(bare, path)
    for client, token in ((whole, TOKEN), (whole, "wrong"), (bare, TOKEN)):
        ask(client, "/ops", "post", data={"token": token})
        ask(client, "/ops/signout", "post")
    ask(bare, "/readyz")
    ask(bare, "/ca.crt")
    file = "/static/samples/cat.jpg"
    tag = ask(whole, file).headers["etag"]
    ask(whole, file, headers={"Range": "bytes=2-5"})
    ask(whole, file, headers={"If-None-Match": tag})
    ask(whole, "/static/nothing.js")
    assert contract.seen == contract.answers


def test_a_field_that_is_not_documented_fails(contract: HttpContract) -> None:
    schema = contract.document["components"]["schemas"]["Health"]
    del schema["properties"]["tasks"]
    schema["required"].remove("tasks")
    with pytest.raises(ValidationError, match="tasks"):
        HttpContract(contract.document).check("get", "/healthz", Health())


class Health:
    """An answer of ``/healthz``."""

    status_code = 200

    def __init__(self) -> None:
        self.headers = {"content-type": "application/json"}

    def json(self) -> Any:
        return {"status": "ok", "sockets": 0, "tasks": 3}


def test_what_is_not_documented_fails(contract: HttpContract) -> None:
    with pytest.raises(AssertionError, match="not documented"):
        contract.check("get", "/debug", Health())
    with pytest.raises(KeyError):
        contract.check("delete", "/healthz", Health())


async def silent(request: Request) -> Response:
    return PlainTextResponse("")


@pytest.mark.parametrize("route", [Route("/x", silent), Mount("/x", PlainTextResponse(""))], ids=["route", "mount"])
def test_a_view_that_says_nothing_of_its_answers_is_named(route: Any) -> None:
    with pytest.raises(LookupError, match="/x"):
        openapi([route])


def test_every_method_of_a_route_is_an_operation() -> None:
    @answers(Answer(200, "It works.", "text/plain"))
    async def view(request: Request) -> Response:
        return PlainTextResponse("")

    found = [(path, method) for path, method, *_ in operations([Route("/x/{n:int}", view, methods=["GET", "PUT"])])]
    assert found == [("/x/{n}", "get"), ("/x/{n}", "put")]


def test_only_operations_for_operators_ask_for_a_token(contract: HttpContract) -> None:
    paths = contract.document["paths"]
    closed = {path for path, methods in paths.items() if "security" in methods.get("get", {})}
    assert closed == {"/api/ops", "/api/sessions", "/metrics"}


def test_the_document_holds_no_secret_and_no_folder(clients: dict[str, TestClient], tmp_path: Path) -> None:
    for document in ("openapi", "asyncapi"):
        text = clients["whole"].get(f"/docs/{document}.json").text
        assert TOKEN not in text
        assert str(tmp_path.parent) not in text
