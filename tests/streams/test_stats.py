import random
from typing import Any

import pytest

from streams.messages import Label, Prediction
from streams.stats import SessionStats, add, bucket, quantile


def prediction(seq: int, outcome: str = "answered", label: str = "cat", **more: Any) -> Prediction:
    labels = [Label(1, label, 0.9)] if outcome == "answered" else []
    return Prediction(session="s", seq=seq, outcome=outcome, stage="worker", labels=labels, version="v", **more)


def after(*predictions: Prediction) -> SessionStats:
    stats = None
    for number, each in enumerate(predictions):
        stats = add(stats, each, 1000.0 + number)
    assert stats is not None
    return stats


def test_the_first_prediction_starts_a_session() -> None:
    stats = after(prediction(1))
    assert (stats.session, stats.started, stats.last_seen, stats.answered) == ("s", 1000.0, 1000.0, 1)


def test_every_outcome_is_counted_where_it_belongs() -> None:
    stats = after(
        prediction(1),
        prediction(2, "stale"),
        prediction(3, "expired"),
        prediction(4, label="dog"),
        prediction(5, "stale"),
    )
    assert stats.sent == 5
    assert (stats.answered, stats.expired, stats.dropped) == (2, 1, {"stale": 2})
    assert stats.labels == {"cat": 1, "dog": 1}
    assert stats.models == {"v": 2}


def test_only_the_first_fate_of_a_frame_counts() -> None:
    stats = after(prediction(1, "expired"), prediction(1), prediction(1))
    assert (stats.answered, stats.expired) == (0, 1)


def test_a_replay_changes_nothing_whatever_the_order() -> None:
    numbers = list(range(1, 100))
    random.Random(3).shuffle(numbers)
    once = after(*(prediction(seq) for seq in numbers))
    for seq in numbers:
        assert add(once, prediction(seq, "stale"), 9e9) is once
    assert once.answered == 99
    assert (once.floor, once.beyond) == (99, [])


def test_the_step_leaves_what_was_before_untouched() -> None:
    before = after(prediction(1))
    copy = SessionStats.loads(before.dumps())
    add(before, prediction(2, label="dog", times={"captured": 1.0, "received": 3.0}), 5.0)
    assert before == copy


def test_a_gap_that_is_never_filled_does_not_grow_the_state() -> None:
    stats = after(*(prediction(seq) for seq in range(2, 2000)))
    assert len(stats.beyond) < 300


def test_statistics_come_back_from_the_changelog() -> None:
    stats = after(prediction(1, echoes=[[9, 20.0]], times={"captured": 1.0, "received": 3.0}), prediction(3, "stale"))
    assert SessionStats.loads(stats.dumps()) == stats


@pytest.mark.parametrize("q", [0.5, 0.95, 0.99])
def test_quantiles_are_right_to_within_five_percent(q: float) -> None:
    durations = [random.Random(n).lognormvariate(3, 1) for n in range(5000)]
    histogram: dict[str, int] = {}
    for ms in durations:
        histogram[bucket(ms)] = histogram.get(bucket(ms), 0) + 1
    exact = sorted(durations)[int(q * 5000) - 1]
    found = quantile(histogram, q)
    assert found is not None
    assert abs(found / exact - 1) <= 0.05


def test_an_empty_histogram_has_no_quantile() -> None:
    assert quantile({}, 0.5) is None


def test_times_that_make_no_sense_still_fall_into_a_bucket() -> None:
    assert bucket(-5.0) == bucket(0.0)
    assert bucket(1e12) == bucket(600_000.0)


def test_hops_are_the_differences_between_neighbouring_times() -> None:
    times = {
        "captured": 0.0,
        "received": 10.0,
        "queued": 12.0,
        "decoded": 15.0,
        "classified": 35.0,
        "published": 36.0,
    }
    hops = after(prediction(1, times=times)).hops
    assert {hop: quantile(histogram, 0.5) for hop, histogram in hops.items()} == pytest.approx(
        {"received": 10, "queued": 2, "decoded": 3, "classified": 20, "published": 1}, rel=0.026
    )
