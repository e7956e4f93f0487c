"""The metrics of a gateway, and what counting them costs for each frame."""

import asyncio
import time
from collections.abc import Iterator

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
from web.metrics import Metrics
from web.protocol import Upload, pack

TOKEN = "the operator's token"
JPEG = b"\xff\xd8\xff\xe0picture"
STEPS = ("captured", "received", "queued", "decoded", "classified", "published")
TIMES = {step: 1e12 + 4 * place for place, step in enumerate(STEPS)}
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


def values(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return values(metrics.text().decode())["sightstream_gateway_" + name, frozenset(labels.items())]


class World:
    """A hub whose clock stands still and which keeps what it posts."""

    def __init__(self) -> None:
        self.posted: list[Frame | Prediction] = []
        self.hub = Hub(Settings(), self.posted.append, now_ms=lambda: 1e12)

    def send(self, seq: int, *echoes: tuple[int, float], session: str = "s") -> None:
        self.hub.offer(session, Upload(seq, 1e12, JPEG, echoes), "")

    def settle(
        self, seq: int, outcome: Outcome = Outcome.ANSWERED, *, session: str = "s", also: list[int] | None = None
    ) -> None:
        self.hub.settle(
            Prediction(session, seq, outcome, "worker", model="net", version="7", times=TIMES, also=also or [])
        )


def test_every_frame_is_counted_once_with_its_outcome() -> None:
    world = World()
    for seq in range(1, 7):
        world.send(seq)
    world.settle(1)
    world.settle(1)
    world.settle(1, Outcome.EXPIRED)
    world.settle(2, Outcome.SUPERSEDED, also=[3, 4])
    world.settle(5, Outcome.EXPIRED)
    metrics = world.hub.metrics
    assert value(metrics, "frames_received_total") == 6
    assert value(metrics, "answers_delivered_total", model="net", version="7") == 1
    assert value(metrics, "drops_total", reason=Outcome.SUPERSEDED, stage=Stage.WORKER) == 3
    assert value(metrics, "expired_total") == 1


def test_a_sessions_traffic_and_the_metrics_count_the_same() -> None:
    world = World()
    for seq in range(1, 7):
        world.send(seq, *([(seq - 1, 20.0 + seq)] if seq > 1 else []))
    world.settle(1)
    world.settle(2, Outcome.SUPERSEDED, also=[3, 4])
    world.settle(5, Outcome.EXPIRED)
    [session] = world.hub.sessions()
    assert (session.traffic.received, session.traffic.answered, session.traffic.expired) == (6, 1, 1)
    assert session.traffic.dropped == {Outcome.SUPERSEDED: 3}
    assert session.traffic.round_trip_ms == 26.0
    metrics = world.hub.metrics
    assert (metrics.received.total, metrics.answers.total, metrics.expired.total) == (6, 1, 1)
    assert metrics.drops.values == {(Outcome.SUPERSEDED, Stage.WORKER): 3}


def test_another_gateways_frames_and_canaries_are_not_counted() -> None:
    world = World()
    world.settle(1, session="another gateway's")
    world.send(1, session=canary_session("me"))
    world.settle(1, session=canary_session("me"))
    assert value(world.hub.metrics, "frames_received_total") == 0
    assert world.hub.metrics.answers.total == 0
    assert [each.id for each in world.hub.sessions()] == []


def test_hops_are_in_seconds_and_the_last_one_is_from_the_browsers_echo() -> None:
    world = World()
    world.send(1)
    world.settle(1)
    world.send(2, (1, 27.0))
    metrics = world.hub.metrics
    for hop in STEPS[1:]:
        assert value(metrics, "hop_seconds_sum", hop=hop) == pytest.approx(0.004)
        assert value(metrics, "hop_seconds_bucket", hop=hop, le="0.003") == 0
        assert value(metrics, "hop_seconds_bucket", hop=hop, le="0.005") == 1
    assert value(metrics, "hop_seconds_sum", hop="delivered") == pytest.approx(0.007)
    assert value(metrics, "round_trip_seconds_sum") == pytest.approx(0.027)
    assert value(metrics, "round_trip_seconds_bucket", le="+Inf") == 1


async def test_a_prediction_without_times_reaches_its_browser_and_is_counted() -> None:
    world = World()
    outbox = world.hub.join("s", [], "")
    world.send(1)
    world.hub.settle(Prediction("s", 1, Outcome.ANSWERED, "worker", model="net", version="7"))
    async with asyncio.timeout(5):
        await outbox.get()  # the welcome
        await outbox.get()  # the labels
    assert value(world.hub.metrics, "answers_delivered_total", model="net", version="7") == 1


def test_counting_costs_a_frame_little() -> None:
    metrics = Metrics()
    prediction = Prediction("s", 1, Outcome.ANSWERED, "worker", model="net", version="7", times=TIMES)
    best = min(_once(metrics, prediction) for _ in range(5))
    assert best < 40e-6, f"{best * 1e6:.1f} µs a frame"  # a tenth of that on a machine with nothing else to do


def _once(metrics: Metrics, prediction: Prediction, frames: int = 2000) -> float:
    started = time.perf_counter()
    for _ in range(frames):
        metrics.received.add(1)
        metrics.count_round_trip(27.0, prediction.times)
        metrics.count_outcome(prediction, 1)
    return (time.perf_counter() - started) / frames


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(operator_token=TOKEN), InstantBroker, EmptyStatsReader)) as client:
        yield client


def test_a_scrape_has_every_metric_and_the_numbers_that_a_client_counted(client: TestClient) -> None:
    until_readyz_returns(200, client)
    with client.websocket_connect("/ws") as socket:
        socket.receive_json()
        for seq in range(1, 6):
            socket.send_bytes(pack(Upload(seq, 0.0, JPEG, ((seq - 1, 12.0),) if seq > 1 else ())))
            while socket.receive_json()["type"] != "labels":
                pass
        response = client.get("/metrics", headers=AUTHORIZED)
    scraped = values(response.text)
    no_labels: frozenset[tuple[str, str]] = frozenset()
    version = frozenset({("model", "net"), ("version", "1")})
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert scraped["sightstream_gateway_frames_received_total", no_labels] == 5
    assert scraped["sightstream_gateway_answers_delivered_total", version] == 5
    assert scraped["sightstream_gateway_round_trip_seconds_count", no_labels] == 4
    assert scraped["sightstream_gateway_sessions", no_labels] == 1
    assert scraped["sightstream_gateway_sockets", no_labels] == 1
    assert scraped["sightstream_gateway_unanswered_frames", no_labels] == 0
    assert scraped["sightstream_gateway_ready", no_labels] == 1
    assert scraped["sightstream_gateway_workers", no_labels] == 1
    assert scraped["sightstream_gateway_canary_round_trip_seconds", no_labels] > 0
    for metric in Metrics().declared:
        assert f"# TYPE {metric.name}" in response.text


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
