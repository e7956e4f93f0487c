"""The webcam page, and the addresses at which other programs check the gateway."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

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
