"""The webcam page, and the addresses at which other programs check the gateway."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from infra.local.own_certificate import own_certificate
from streams.contract.settings import Settings
from tests.fakes.gateway import EmptyStatsReader, InstantBroker, until_readyz_returns
from web.app import create_app


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(), InstantBroker, EmptyStatsReader)) as client:
        yield client


def test_the_page_is_served_with_security_headers(client: TestClient) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert "default-src 'self'" in response.headers["content-security-policy"]


def test_healthz_says_ok_and_counts_sockets(client: TestClient) -> None:
    health = client.get("/healthz").json()
    assert (health["status"], health["sockets"]) == ("ok", 0)
    assert health["tasks"] > 0
    with client.websocket_connect("/ws"):
        assert client.get("/healthz").json()["sockets"] == 1


def test_readyz_says_so_once_a_canary_came_back(client: TestClient) -> None:
    until_readyz_returns(200, client)
    ready = client.get("/readyz").json()
    assert (ready.pop("ms") > 0, bool(ready.pop("label"))) == (True, True)
    assert ready == {"ready": True, "model": "net", "version": "1"}


def test_readyz_is_503_without_a_worker() -> None:
    class NoWorker(InstantBroker):
        async def run(self) -> None:
            pass

    with TestClient(create_app(Settings(), NoWorker, EmptyStatsReader)) as client:
        response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"ready": False, "why": "no picture came back from a worker lately"}


def test_the_manifest_has_what_an_app_needs_in_the_persons_language(client: TestClient) -> None:
    response = client.get("/manifest.webmanifest", headers={"Accept-Language": "de"})
    assert response.headers["content-type"].startswith("application/manifest+json")
    manifest = response.json()
    assert (manifest["lang"], manifest["display"], manifest["start_url"]) == ("de", "standalone", "./")
    assert manifest["description"] != client.get("/manifest.webmanifest").json()["description"]
    assert {icon["sizes"] for icon in manifest["icons"]} >= {"192x192", "512x512"}
    assert "maskable" in [icon.get("purpose") for icon in manifest["icons"]]
    for icon in manifest["icons"]:
        assert client.get(icon["src"]).headers["content-type"] == "image/png"


def linked(client: TestClient, host: str, **headers: str) -> dict[str, str]:
    """What a link to the page shows, by name."""
    page = client.get("/", headers={"Host": host, **headers}).text
    return dict(re.findall(r'property="og:(\w+)" content="([^"]*)"', page))


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "192.168.1.23", "[::1]:8000", "localhost", "vision.example"])
def test_a_link_to_the_page_shows_a_picture_with_its_whole_address(host: str) -> None:
    settings = Settings(origins=("http://vision.example",), root_path="/vision")
    with TestClient(create_app(settings, InstantBroker, EmptyStatsReader)) as client:
        shown = linked(client, host)
        assert shown["url"] == f"http://{host}/vision/"
        assert shown["image"].startswith(f"http://{host}/vision/static/")
        assert client.get(shown["image"].removeprefix(f"http://{host}")).headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    "host",
    ["evil.test", "vision.example.evil.test", "vision.example:81", "1.2.3.4.evil.test", 'a"><script>', ""],
)
def test_a_host_that_is_not_known_is_in_no_link(host: str) -> None:
    settings = Settings(origins=("http://vision.example",))
    with TestClient(create_app(settings, InstantBroker, EmptyStatsReader)) as client:
        page = client.get("/", headers={"Host": host}).text
        shown = linked(client, host, **{"X-Forwarded-Host": "evil.test"})
    assert "url" not in shown
    assert shown["image"].startswith("static/")
    assert "evil" not in page
    assert "<script>" not in page


def test_a_host_that_a_trusted_proxy_names_is_known() -> None:
    settings = Settings(trusted_proxies=("127.0.0.1",))
    app = create_app(settings, InstantBroker, EmptyStatsReader)
    with TestClient(app, client=("127.0.0.1", 1)) as client:
        forwarded = {"X-Forwarded-Host": "vision.example", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/v"}
        assert linked(client, "gateway:8000", **forwarded)["url"] == "https://vision.example/v/"


def test_the_authority_can_be_got_where_there_is_one(client: TestClient, tmp_path: Path) -> None:
    own = own_certificate(tmp_path, ["localhost"], "--data-dir")
    assert (client.get("/ca.crt").status_code, "nothing to install" in client.get("/ca.crt").text) == (404, True)
    for file in (own.authority, own.certificate):  # the second one also has a key
        settings = Settings(tls_ca=str(file))
        with TestClient(create_app(settings, InstantBroker, EmptyStatsReader)) as with_authority:
            response = with_authority.get("/ca.crt")
        assert response.text == file.read_text().partition("-----BEGIN PRIVATE")[0]
        assert response.headers["content-type"] == "application/x-x509-ca-cert"
