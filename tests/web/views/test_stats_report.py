"""The report of a session, and its rows for CSV."""

import msgspec

from streams.contract.stats import SessionStats
from tests.web.views.test_stats import session_stats
from web.views.stats_report import csv_rows, empty_report, session_report

NOW = 1.7e12


def test_the_columns_of_the_table_have_the_order_of_the_document() -> None:
    report = session_report(session_stats("abc", "tabby", 100, NOW), NOW)
    statistics = [statistic.partition(".")[0] for statistic, _, _ in csv_rows(report)]
    assert list(dict.fromkeys(statistics)) == list(msgspec.json.decode(msgspec.json.encode(report)))


def test_a_row_names_the_label_or_the_start_that_a_number_is_of() -> None:
    report = session_report(session_stats("abc", "tabby", 20, NOW), NOW)
    rows = {(statistic, of): value for statistic, of, value in csv_rows(report)}
    assert rows["session", ""] == "abc"
    assert rows["latency_ms", "p50"] == report.latency_ms.p50
    assert rows["label_stats.answers", "tabby"] == 18
    start = report.history[0].start
    assert rows["history.latency_ms", f"{start}.p95"] == report.history[0].latency_ms.p95
    assert ("label_stats.label", "tabby") not in rows


def test_an_empty_report_has_nulls_for_what_is_unknown() -> None:
    report = msgspec.json.decode(msgspec.json.encode(empty_report("abc", NOW)))
    assert report["latency_ms"] == {"p50": None, "p95": None, "p99": None}
    assert report["delay_ms"] is None
    assert (report["hops_ms"], report["recent_hops_ms"], report["history"]) == ({}, {}, [])
    assert report["live"]


def test_a_session_is_live_until_five_seconds_after_its_last_frame() -> None:
    stats = SessionStats("abc", NOW, NOW)
    assert session_report(stats, NOW + 4999).live
    assert not session_report(stats, NOW + 5000).live
