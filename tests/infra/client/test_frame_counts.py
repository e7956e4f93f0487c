"""The counts of a client always add up."""

from infra.client.frame_counts import FrameCounts, latency, total
from streams.contract.outcomes import Outcome


def counts() -> FrameCounts:
    found = FrameCounts(sent=5)
    found.answer("cat", 10.0)
    found.answer("cat", 30.0)
    found.drop(Outcome.STALE)
    found.drop(Outcome.EXPIRED)
    return found


def test_an_expired_frame_is_no_drop() -> None:
    assert (counts().answered, counts().expired, counts().dropped) == (2, 1, {Outcome.STALE: 1})


def test_the_report_has_the_keys_of_stream_json() -> None:
    assert counts().report() == {
        "sent": 5,
        "answered": 2,
        "dropped": {"stale": 1},
        "expired": 1,
        "latency_ms": {"p50": 10.0, "p95": 30.0, "p99": 30.0, "max": 30.0},
    }


def test_the_total_of_several_sessions_adds_up_all_counts() -> None:
    whole = total([counts(), counts(), FrameCounts()])
    assert (whole.sent, whole.answered, whole.expired) == (10, 4, 2)
    assert (whole.dropped, whole.labels) == ({Outcome.STALE: 2}, {"cat": 4})
    assert sorted(whole.round_trips) == [10.0, 10.0, 30.0, 30.0]
    assert total([]) == FrameCounts()


def test_percentiles_are_by_nearest_rank() -> None:
    assert latency(range(1, 201)) == {"p50": 100, "p95": 190, "p99": 198, "max": 200}


def test_without_an_answer_there_is_no_latency() -> None:
    assert latency([]) == {"p50": None, "p95": None, "p99": None, "max": None}
