"""The page, JSON and CSV of a session's statistics, without Kafka: tests put them into the store themselves."""

import csv
import io
import time
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from streams.contract.canary import is_canary
from streams.contract.settings import Settings
from streams.contract.stats import SessionStats
from tests.fakes.gateway import EmptyStatsReader, InstantBroker, state_of, until_readyz_returns
from tests.fakes.statistics import session_stats
from web.app import create_app
from web.kafka.stats_reader import StatsReader
from web.protocol import Upload, pack


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(), InstantBroker, EmptyStatsReader)) as client:
        yield client


def put(client: TestClient, stats: SessionStats, age_ms: float = 0.0) -> None:
    state_of(client).stats_store.put(stats.session, stats.dumps(), now(client) - age_ms)


def until_left(client: TestClient, session: str) -> None:
    """Wait until the session's socket is closed; at most two seconds."""
    for _ in range(100):
        if session not in state_of(client).hub.outboxes:
            return
        time.sleep(0.02)
    raise AssertionError("the session is still connected")


def now(client: TestClient) -> float:
    return state_of(client).hub.now_ms()


def test_the_report_counts_the_outcome_of_every_frame(client: TestClient) -> None:
    put(client, session_stats("abc", "tabby", 200, now(client)))
    report = client.get("/api/sessions/abc/stats").json()
    assert (report["session"], report["sent"], report["answered"], report["expired"]) == ("abc", 200, 180, 0)
    assert report["dropped"] == {"superseded": 20}
    assert report["labels"] == {"tabby": 180}
    assert report["models"] == {"v1": 180}
    assert report["model_names"] == {"v1": "net"}
    assert report["live"]
    assert report["fps"] == pytest.approx(9, abs=0.6)
    assert report["latency_ms"] == pytest.approx({"p50": 40, "p95": 40, "p99": 40}, rel=0.026)
    assert report["delay_ms"] == pytest.approx(40, rel=0.026)
    assert set(report["hops_ms"]) == {"received", "queued", "decoded", "classified", "published", "delivered"}
    assert report["hops_ms"]["delivered"]["p50"] == pytest.approx(15, rel=0.026)
    assert report["label_stats"][0]["confidence"] == 0.75
    assert report["steady"]["label"] == "tabby"
    assert report["switches_per_minute"] == {"raw": 0, "steady": 0}
    assert sum(slot["answered"] for slot in report["history"]) == 180
    assert sum(slot["labels"].get("tabby", 0) for slot in report["history"]) == 180


def test_two_sessions_each_have_their_own_statistics(client: TestClient) -> None:
    put(client, session_stats("one", "cat", 50, now(client)))
    put(client, session_stats("two", "dog", 70, now(client)))
    assert client.get("/api/sessions/one/stats").json()["labels"] == {"cat": 45}
    assert client.get("/api/sessions/two/stats").json()["labels"] == {"dog": 63}


def test_the_table_has_every_number_of_the_report(client: TestClient) -> None:
    put(client, session_stats("abc", "tabby", 100, now(client)))
    response = client.get("/api/sessions/abc/stats.csv")
    assert response.headers["content-type"].startswith("text/csv")
    rows = {(row["statistic"], row["of"]): row["value"] for row in csv.DictReader(io.StringIO(response.text))}
    assert rows["sent", ""] == "100"
    assert rows["labels", "tabby"] == "90"
    assert rows["dropped", "superseded"] == "10"
    assert float(rows["hops_ms", "delivered.p99"]) == pytest.approx(15, rel=0.026)
    assert rows["label_stats.share", "tabby"] == "1.0"
    history = [int(value) for (statistic, _), value in rows.items() if statistic == "history.answered"]
    assert sum(history) == 90


@pytest.mark.parametrize("address", ["/stats/nobody", "/api/sessions/nobody/stats", "/api/sessions/nobody/stats.csv"])
def test_an_unknown_session_is_not_found(client: TestClient, address: str) -> None:
    assert client.get(address).status_code == 404


def test_an_unknown_session_gets_a_page_that_says_so(client: TestClient) -> None:
    page = client.get("/stats/nobody")
    assert "There is nothing here" in page.text
    assert page.headers["content-type"].startswith("text/html")


def test_a_session_that_ended_too_long_ago_is_not_found(client: TestClient) -> None:
    stats = session_stats("abc", "tabby", 20, now(client))
    put(client, stats, age_ms=23 * 3600_000)
    assert client.get("/api/sessions/abc/stats").status_code == 200
    put(client, stats, age_ms=25 * 3600_000)
    assert client.get("/api/sessions/abc/stats").status_code == 404
    assert client.get("/stats/abc").status_code == 404


def test_a_session_that_has_sent_nothing_yet_has_a_page(client: TestClient) -> None:
    with client.websocket_connect("/ws") as socket:
        hello = socket.receive_json()
        assert hello["stats"] == f"stats/{hello['session']}"
        assert client.get(hello["stats"]).status_code == 200
        assert client.get(f"/api/sessions/{hello['session']}/stats").json()["sent"] == 0


def test_the_report_says_what_the_gateway_itself_saw_of_the_session_and_when(client: TestClient) -> None:
    until_readyz_returns(200, client)
    with client.websocket_connect("/ws") as socket:
        session = socket.receive_json()["session"]
        address = f"/api/sessions/{session}/stats"
        fresh = client.get(address).json()["freshness"]
        assert fresh["here"] == {"connected": True, "received_at": None, "answered_at": None, "unanswered": 0}
        for seq, jpeg in enumerate((b"\xff\xd8picture", b"\xff\xd8wait"), 1):
            socket.send_bytes(pack(Upload(seq, 0.0, jpeg)))
        while socket.receive_json()["type"] != "labels":
            pass
        fresh = client.get(address).json()["freshness"]
        assert fresh["here"]["unanswered"] == 1
        ages = [now(client) - at for at in (fresh["here"]["received_at"], fresh["here"]["answered_at"])]
        ages += [now(client) - at for at in (fresh["read_at"], fresh["worker_at"])]
        assert all(0 <= age < 3000 for age in ages)
    put(client, session_stats(session, "tabby", 20, now(client)))
    until_left(client, session)
    assert not client.get(address).json()["freshness"]["here"]["connected"]


def test_a_session_of_another_gateway_has_only_its_statistics(client: TestClient) -> None:
    stats = session_stats("elsewhere", "tabby", 20, now(client))
    put(client, stats)
    report = client.get("/api/sessions/elsewhere/stats").json()
    assert report["freshness"]["here"] is None
    assert report["answered_at"] == stats.answered_at


@pytest.mark.parametrize("address", ["/api/sessions", "/api/sessions/", "/stats", "/stats/", "/api/sessions//stats"])
def test_nobody_can_list_sessions(client: TestClient, address: str) -> None:
    put(client, session_stats("abc", "tabby", 20, now(client)))
    response = client.get(address)
    assert response.status_code == 404
    assert "abc" not in response.text


def test_canaries_have_no_page(client: TestClient) -> None:
    name = next(iter(state_of(client).hub.outboxes))
    assert is_canary(name)
    assert client.get(f"/api/sessions/{name}/stats").status_code == 404


def test_while_the_table_is_still_read_nothing_is_said_to_be_unknown() -> None:
    class Slow(StatsReader):
        async def run(self) -> None:
            pass

    with TestClient(create_app(Settings(), InstantBroker, Slow)) as client:
        response = client.get("/api/sessions/abc/stats")
        assert response.status_code == 503
        assert response.headers["retry-after"]
        assert client.get("/stats/abc").status_code == 200


def test_statistics_that_are_switched_off_are_linked_from_nowhere() -> None:
    with (
        TestClient(create_app(Settings(statistics="off"), InstantBroker, EmptyStatsReader)) as client,
        client.websocket_connect("/ws") as socket,
    ):
        assert socket.receive_json()["stats"] == ""
        assert client.get("/api/sessions/abc/stats").status_code == 404


def test_the_page_and_its_library_come_from_this_gateway(client: TestClient) -> None:
    put(client, session_stats("abc", "tabby", 20, now(client)))
    page = client.get("/stats/abc")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "//" not in page.text.replace("<!doctype", "").split("<body>")[0].replace("../", "")
    assert "Chart.js" in client.get("/static/vendor/chart.js").text[:200]
