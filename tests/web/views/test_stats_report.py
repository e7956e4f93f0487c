"""The report of a session."""

import msgspec

from streams.contract.stats import SessionStats
from web.views.stats_report import empty_report, session_report

NOW = 1.7e12


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
