"""The pages of the API, and its documents as programs get them."""

from typing import Any
from urllib.parse import urljoin

import pytest
from starlette.testclient import TestClient

from streams.contract.settings import Settings
from tests.fakes.gateway import EmptyStatsReader, InstantBroker
from web.app import create_app
from web.views.static_files import LIBRARIES, version


def gateway(address: str = "http://127.0.0.1:8000", **settings: Any) -> TestClient:
    return TestClient(create_app(Settings(**settings), InstantBroker, EmptyStatsReader), base_url=address)


@pytest.mark.parametrize(
    ("path", "library", "document"),
    [("/docs", "vendor/swagger-ui.js", "openapi"), ("/docs/messages", "vendor/asyncapi-viewer.js", "asyncapi")],
)
def test_each_page_has_its_viewer_and_the_address_of_its_document(path: str, library: str, document: str) -> None:
    page = gateway().get(path).text
    assert [each for each in LIBRARIES if each.endswith(".js") and each in page] == [library]
    assert f"static/{version()}/{library}" in page
    assert f'="../docs/{document}.json"' in page or f'="docs/{document}.json"' in page


def test_the_pages_speak_german_and_everybody_may_read_them() -> None:
    with gateway(operator_token="t" * 16) as client:
        page = client.get("/docs?lang=de")
        assert "WebSocket und Kafka" in page.text
        assert client.get("/docs/asyncapi.json").status_code == 200


@pytest.mark.parametrize(
    ("root_path", "asked"), [("", "/docs/openapi.json"), ("/vision", "/vision/docs/openapi.json")]
)
def test_the_server_of_the_document_is_the_gateways_root(root_path: str, asked: str) -> None:
    client = gateway(root_path=root_path)
    (server,) = client.get(asked).json()["servers"]
    # as RFC 3986 and OpenAPI 3.1 say: relative to the document, with the path put behind it
    assert urljoin(f"http://host{asked}", server["url"] + "/healthz") == f"http://host{root_path}/healthz"


def test_the_server_is_right_behind_a_proxy_that_strips_a_path_without_a_word() -> None:
    (server,) = gateway().get("/docs/openapi.json").json()["servers"]
    assert (
        urljoin("https://host/vision/docs/openapi.json", server["url"] + "/healthz") == "https://host/vision/healthz"
    )


@pytest.mark.parametrize(
    ("address", "settings", "server"),
    [
        ("http://127.0.0.1:8000", {}, {"host": "127.0.0.1:8000", "protocol": "ws"}),
        ("https://127.0.0.1", {"root_path": "/v"}, {"host": "127.0.0.1", "protocol": "wss", "pathname": "/v"}),
        ("https://vision.example", {"origins": ("https://vision.example",)}, {"host": "vision.example"}),
        ("http://evil.example", {}, {"host": "localhost"}),
    ],
    ids=["plain", "https-and-path", "named-origin", "unknown-host"],
)
def test_the_messages_are_said_to_be_where_browsers_are_sure_to_find_them(
    address: str, settings: dict[str, Any], server: dict[str, str]
) -> None:
    with gateway(address, **settings) as client:
        document = client.get(f"{settings.get('root_path', '')}/docs/asyncapi.json").json()
    assert document["servers"]["gateway"].items() >= server.items()
