"""A session's statistics at their addresses, without Kafka: what the table told is put into the archive by hand."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from streams.contract.canary import is_canary
from streams.contract.messages import Label, Prediction
from streams.contract.outcomes import Stage
from streams.contract.settings import Settings
from streams.contract.stats import SessionStats
from tests.fakes.gateway import EmptyStatsReader, InstantBroker
from web.app import create_app
from web.stats_reader import StatsReader, StatsStore

STEPS = ("captured", "received", "queued", "decoded", "classified", "published")


def seen(session: str, label: str, frames: int, now: float) -> SessionStats:
    """A session that ended now: ten frames a second, each 40 ms from camera to label, every tenth superseded."""
    stats = SessionStats(session, now - frames * 100, now - frames * 100)
    for seq in range(1, frames + 1):
        at = now - (frames - seq) * 100
        times = dict(zip(STEPS, (at - 30 + 5 * place for place in range(6)), strict=True))
        outcome = "superseded" if seq % 10 == 0 else "answered"
        told = Prediction(
            session=session,
            seq=seq,
            outcome=outcome,
            stage=Stage.WORKER,
            labels=[Label(1, label, 0.75), Label(2, "other", 0.25)] if outcome == "answered" else [],
            model="net",
            version="v1",
            times=times,
            echoes=[[seq - 1, 40.0]] if seq % 10 != 1 else [],
        )
        stats.add(told, at)
    return stats


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(), InstantBroker, EmptyStatsReader)) as client:
        yield client


def shelve(client: TestClient, stats: SessionStats, age_ms: float = 0.0) -> None:
    app: Any = client.app
    app.state.archive.put(stats.session, stats.dumps(), app.state.hub.now_ms() - age_ms)


def now(client: TestClient) -> float:
    app: Any = client.app
    return float(app.state.hub.now_ms())


def test_the_report_tells_what_became_of_every_frame(client: TestClient) -> None:
    shelve(client, seen("abc", "tabby", 200, now(client)))
    told = client.get("/api/sessions/abc/stats").json()
    assert (told["session"], told["sent"], told["answered"], told["expired"]) == ("abc", 200, 180, 0)
    assert told["dropped"] == {"superseded": 20}
    assert told["labels"] == {"tabby": 180}
    assert told["models"] == {"v1": 180}
    assert told["model_names"] == {"v1": "net"}
    assert told["live"]
    assert told["fps"] == pytest.approx(9, abs=0.6)
    assert told["latency_ms"] == pytest.approx({"p50": 40, "p95": 40, "p99": 40}, rel=0.026)
    assert told["delay_ms"] == pytest.approx(40, rel=0.026)
    assert set(told["hops_ms"]) == {"received", "queued", "decoded", "classified", "published", "delivered"}
    assert told["hops_ms"]["delivered"]["p50"] == pytest.approx(15, rel=0.026)
    assert told["label_stats"][0]["confidence"] == 0.75
    assert told["steady"]["label"] == "tabby"
    assert told["switches_per_minute"] == {"raw": 0, "steady": 0}
    assert sum(slot["answered"] for slot in told["history"]) == 180
    assert sum(slot["labels"].get("tabby", 0) for slot in told["history"]) == 180


def test_two_sessions_each_have_their_own(client: TestClient) -> None:
    shelve(client, seen("one", "cat", 50, now(client)))
    shelve(client, seen("two", "dog", 70, now(client)))
    assert client.get("/api/sessions/one/stats").json()["labels"] == {"cat": 45}
    assert client.get("/api/sessions/two/stats").json()["labels"] == {"dog": 63}


def test_the_table_has_every_number_of_the_report(client: TestClient) -> None:
    shelve(client, seen("abc", "tabby", 100, now(client)))
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
    stats = seen("abc", "tabby", 20, now(client))
    shelve(client, stats, age_ms=23 * 3600_000)
    assert client.get("/api/sessions/abc/stats").status_code == 200
    shelve(client, stats, age_ms=25 * 3600_000)
    assert client.get("/api/sessions/abc/stats").status_code == 404
    assert client.get("/stats/abc").status_code == 404


def test_a_session_that_has_sent_nothing_yet_has_a_page(client: TestClient) -> None:
    with client.websocket_connect("/ws") as socket:
        hello = socket.receive_json()
        assert hello["stats"] == f"/stats/{hello['session']}"
        assert client.get(hello["stats"]).status_code == 200
        assert client.get(f"/api/sessions/{hello['session']}/stats").json()["sent"] == 0


@pytest.mark.parametrize("address", ["/api/sessions", "/api/sessions/", "/stats", "/stats/", "/api/sessions//stats"])
def test_nobody_can_list_sessions(client: TestClient, address: str) -> None:
    shelve(client, seen("abc", "tabby", 20, now(client)))
    response = client.get(address)
    assert response.status_code == 404
    assert "abc" not in response.text


def test_canaries_have_no_page(client: TestClient) -> None:
    app: Any = client.app
    name = next(iter(app.state.hub.outboxes))
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
    shelve(client, seen("abc", "tabby", 20, now(client)))
    page = client.get("/stats/abc")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "//" not in page.text.replace("<!doctype", "").split("<body>")[0].replace("../", "")
    assert "Chart.js" in client.get("/static/vendor/chart.js").text[:200]


def test_the_archive_keeps_the_newest_within_its_bounds() -> None:
    archive = StatsStore(keep_ms=1000, most_bytes=5000)
    entry = seen("s", "cat", 50, 1e12).dumps()
    fits = 5000 // len(entry)
    assert fits >= 2
    for number in range(20):
        archive.put(f"s{number}", entry, 1e12 + number)
    assert len(archive) == fits
    assert archive.get("s19", 1e12 + 20) is not None
    assert archive.get("s0", 1e12 + 20) is None


def test_the_archive_lets_go_of_what_is_old_or_gone() -> None:
    archive = StatsStore(keep_ms=1000)
    entry = seen("s", "cat", 5, 1e12).dumps()
    archive.put("old", entry, 1e12)
    archive.put("new", entry, 1e12 + 900)
    archive.put("gone", entry, 1e12 + 900)
    archive.put("gone", None, 1e12 + 901)
    archive.sweep(1e12 + 1500)
    assert len(archive) == 1
    assert archive.get("new", 1e12 + 1500) is not None


def test_an_entry_that_nobody_can_read_is_as_good_as_none() -> None:
    archive = StatsStore(keep_ms=1000)
    archive.put("s", b"what is this", 1e12)
    assert archive.get("s", 1e12) is None
