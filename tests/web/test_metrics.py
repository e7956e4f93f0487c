"""What a gateway tells Prometheus, and what it costs a frame."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from streams.contract.canary import canary_session
from streams.contract.messages import Frame, Prediction
from streams.contract.outcomes import Outcome, Stage
from streams.contract.settings import Settings
from tests.fakes.gateway import EmptyStatsReader, InstantBroker, until_readyz_returns
from web.app import create_app
from web.hub import Hub
from web.metrics import NAMED, Metrics
from web.protocol import Upload, pack

TOKEN = "the operator's token"
JPEG = b"\xff\xd8\xff\xe0picture"
STEPS = ("captured", "received", "queued", "decoded", "classified", "published")
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


def values(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return values(metrics.register.text().decode())["sightstream_gateway_" + name, frozenset(labels.items())]


class Table:
    """A hub whose clock stands still and which keeps what it posts."""

    def __init__(self) -> None:
        self.posted: list[Frame | Prediction] = []
        self.hub = Hub(Settings(), self.posted.append, now_ms=lambda: 1e12)

    def send(self, seq: int, *echoes: tuple[int, float], session: str = "s") -> None:
        self.hub.offer(session, Upload(seq, 1e12, JPEG, echoes), "")

    def tell(
        self, seq: int, outcome: str = Outcome.ANSWERED, *, session: str = "s", also: list[int] | None = None
    ) -> None:
        times = {step: 1e12 + 4 * place for place, step in enumerate(STEPS)}
        self.hub.settle(
            Prediction(session, seq, outcome, "worker", model="net", version="7", times=times, also=also or [])
        )


def test_every_frame_is_counted_once_with_its_fate() -> None:
    table = Table()
    for seq in range(1, 7):
        table.send(seq)
    table.tell(1)
    table.tell(1)
    table.tell(1, Outcome.EXPIRED)
    table.tell(2, "superseded", also=[3, 4])
    table.tell(5, Outcome.EXPIRED)
    metrics = table.hub.metrics
    assert value(metrics, "frames_received_total") == 6
    assert value(metrics, "answers_delivered_total", model="net", version="7") == 1
    assert value(metrics, "drops_total", reason="superseded", stage=Stage.WORKER) == 3
    assert value(metrics, "expired_total") == 1


def test_another_gateways_frames_and_canaries_are_not_counted() -> None:
    table = Table()
    table.tell(1, session="another gateway's")
    table.send(1, session=canary_session("me"))
    table.tell(1, session=canary_session("me"))
    assert value(table.hub.metrics, "frames_received_total") == 0
    assert not table.hub.metrics.answers
    assert [each.id for each in table.hub.sessions()] == []


def test_hops_are_told_in_seconds_and_the_last_one_from_the_browsers_echo() -> None:
    table = Table()
    table.send(1)
    table.tell(1)
    table.send(2, (1, 27.0))
    metrics = table.hub.metrics
    for hop in STEPS[1:]:
        assert value(metrics, "hop_seconds_sum", hop=hop) == pytest.approx(0.004)
        assert value(metrics, "hop_seconds_bucket", hop=hop, le="0.003") == 0
        assert value(metrics, "hop_seconds_bucket", hop=hop, le="0.005") == 1
    assert value(metrics, "hop_seconds_sum", hop="delivered") == pytest.approx(0.007)
    assert value(metrics, "round_trip_seconds_sum") == pytest.approx(0.027)
    assert value(metrics, "round_trip_seconds_bucket", le="+Inf") == 1


def test_a_prediction_without_times_reaches_its_browser_and_is_counted() -> None:
    table = Table()
    outbox = table.hub.join("s", [], "")
    table.send(1)
    table.hub.settle(Prediction("s", 1, Outcome.ANSWERED, "worker", model="net", version="7"))
    assert outbox.waiting == 2
    assert value(table.hub.metrics, "answers_delivered_total", model="net", version="7") == 1


def test_counting_costs_a_frame_little() -> None:
    table = Table()
    session = table.hub.session("s")
    times = {step: 1e12 + 4 * place for place, step in enumerate(STEPS)}
    prediction = Prediction("s", 1, Outcome.ANSWERED, "worker", model="net", version="7", times=times)
    session.settled[1] = prediction
    upload = Upload(2, 1e12, JPEG, ((1, 27.0),))
    best = min(_once(table.hub.metrics, session, upload, prediction) for _ in range(5))
    assert best < 40e-6, f"{best * 1e6:.1f} µs a frame"  # a tenth of that where nobody else is at work


def _once(metrics: Metrics, session: Any, upload: Upload, prediction: Prediction, frames: int = 2000) -> float:
    started = time.perf_counter()
    for _ in range(frames):
        metrics.took(session, upload)
        metrics.settled(session, prediction, 1, 1e12)
    return (time.perf_counter() - started) / frames


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(operator_token=TOKEN), InstantBroker, EmptyStatsReader)) as client:
        yield client


def test_a_scrape_tells_every_metric_and_what_a_client_counted(client: TestClient) -> None:
    until_readyz_returns(200, client)
    with client.websocket_connect("/ws") as socket:
        socket.receive_json()
        for seq in range(1, 6):
            socket.send_bytes(pack(Upload(seq, 0.0, JPEG, ((seq - 1, 12.0),) if seq > 1 else ())))
            while socket.receive_json()["type"] != "labels":
                pass
        response = client.get("/metrics", headers=AUTHORIZED)
    told = values(response.text)
    nothing: frozenset[tuple[str, str]] = frozenset()
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert told["sightstream_gateway_frames_received_total", nothing] == 5
    assert told["sightstream_gateway_answers_delivered_total", frozenset({("model", "net"), ("version", "1")})] == 5
    assert told["sightstream_gateway_round_trip_seconds_count", nothing] == 4
    assert told["sightstream_gateway_sessions", nothing] == 1
    assert told["sightstream_gateway_sockets", nothing] == 1
    assert told["sightstream_gateway_ready", nothing] == 1
    assert told["sightstream_gateway_workers", nothing] == 1
    assert told["sightstream_gateway_canary_round_trip_seconds", nothing] > 0
    for named in NAMED:
        assert f"# TYPE {named.name}" in response.text


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}])
def test_a_scrape_from_elsewhere_needs_the_operators_token(client: TestClient, headers: dict[str, str]) -> None:
    response = client.get("/metrics", headers=headers)
    assert response.status_code == 401
    assert "sightstream_" not in response.text


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("192.0.2.7", {}, 401),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 401),
        ("127.0.0.1", {"Via": "1.1 proxy"}, 401),
    ],
)
def test_a_scrape_on_this_machine_needs_no_token_unless_a_proxy_forwards_it(
    address: str, headers: dict[str, str], status: int
) -> None:
    app = create_app(Settings(), InstantBroker, EmptyStatsReader)
    with TestClient(app, client=(address, 5000)) as client:
        assert client.get("/metrics", headers=headers).status_code == status
