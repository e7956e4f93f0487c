"""What a worker answers over HTTP."""

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from streams.contract.messages import ServedModel
from streams.health.liveness import LOOK_EVERY_S, Liveness
from streams.health.probes import serve
from streams.metrics import Metrics


class Asked:
    """A worker whose port is asked."""

    def __init__(self, port: int) -> None:
        self.now, self.port = 0.0, port
        self.metrics = Metrics()
        self.liveness = Liveness(lambda: self.now)

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture
def asked() -> Iterator[Asked]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    asked = Asked(port)
    stop = serve(asked.metrics, asked.liveness, "127.0.0.1", port)
    yield asked
    stop()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_prometheus_can_scrape_on_loopback_until_the_server_is_stopped(asked: Asked) -> None:
    asked.metrics.models = [ServedModel("net", "7", 224, "openvino", "bf16")]
    asked.metrics.lag = {3: 8}
    status, text = asked.get("/metrics")
    read = {
        (sample.name.removeprefix("sightstream_worker_"), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert status == 200
    assert read["partition_lag_frames", frozenset({("partition", "3")})] == 8
    labels = {"model": "net", "version": "7", "engine": "openvino", "precision": "bf16"}
    assert read["model_info", frozenset(labels.items())] == 1
    assert all(f"# TYPE {each.name}" in text for each in Metrics().declared)


def test_a_worker_that_loads_its_models_is_healthy_and_not_ready(asked: Asked) -> None:
    assert asked.get("/healthz") == (200, "ok\n")
    assert asked.get("/readyz") == (503, "waits for its models\n")
    asked.liveness.waits_for = ""
    assert asked.get("/readyz") == (200, "ok\n")


def test_a_worker_that_stands_still_says_what_does(asked: Asked) -> None:
    for _ in range(10):
        asked.now += LOOK_EVERY_S
        asked.liveness.look({"reading frames[2]": 5})
    for path in ("/healthz", "/readyz"):
        assert asked.get(path) == (503, "reading frames[2] has made no progress for 27 s\n")


def test_other_paths_are_not_found(asked: Asked) -> None:
    assert asked.get("/")[0] == 404


def test_a_port_in_use_costs_the_probes_and_not_the_worker() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        serve(Metrics(), Liveness(), "127.0.0.1", taken.getsockname()[1])()
