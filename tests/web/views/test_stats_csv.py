"""The rows of a session's report."""

import msgspec

from tests.fakes.statistics import session_stats
from web.views.stats_csv import rows
from web.views.stats_report import session_report

NOW = 1.7e12


def test_the_rows_have_the_order_of_the_document() -> None:
    report = session_report(session_stats("abc", "tabby", 100, NOW), NOW)
    statistics = [statistic.partition(".")[0] for statistic, _, _ in rows(report)]
    assert list(dict.fromkeys(statistics)) == list(msgspec.json.decode(msgspec.json.encode(report)))


def test_a_row_names_the_label_or_the_start_that_a_number_is_of() -> None:
    report = session_report(session_stats("abc", "tabby", 20, NOW), NOW)
    table = {(statistic, of): value for statistic, of, value in rows(report)}
    assert table["session", ""] == "abc"
    assert table["latency_ms", "p50"] == report.latency_ms.p50
    assert table["label_stats.answers", "tabby"] == 18
    start = report.history[0].start
    assert table["history.latency_ms", f"{start}.p95"] == report.history[0].latency_ms.p95
    assert ("label_stats.label", "tabby") not in table
