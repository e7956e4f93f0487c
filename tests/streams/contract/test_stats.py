import json
import random
from typing import Any

import pytest
from hypothesis import given

from streams.contract import histogram
from streams.contract.codec import Codec
from streams.contract.messages import Label, Prediction
from streams.contract.outcomes import Outcome, Stage
from streams.contract.stats import SessionStats
from tests.fakes.odd_records import odd_fields, packed


def prediction(seq: int, outcome: str = "answered", label: str = "cat", **more: Any) -> Prediction:
    labels = [Label(1, label, 0.9)] if outcome == "answered" else []
    return Prediction(
        session="s", seq=seq, outcome=outcome, stage=Stage.WORKER, labels=labels, model="net", version="v", **more
    )


def after(*predictions: Prediction, every_ms: float = 100.0) -> SessionStats:
    stats = SessionStats("s", 1000.0, 1000.0)
    for number, each in enumerate(predictions):
        stats.add(each, 1000.0 + number * every_ms)
    return stats


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
    assert stats.label_counts() == {"cat": 1, "dog": 1}
    assert (stats.models, stats.names) == ({"v": 2}, {"v": "net"})
    assert (stats.started, stats.last_seen) == (1000.0, 1400.0)


@pytest.mark.parametrize("reason", [each for each in Outcome if each not in (Outcome.ANSWERED, Outcome.EXPIRED)])
def test_every_other_outcome_is_a_drop(reason: Outcome) -> None:
    assert after(prediction(1, reason)).dropped == {reason: 1}


def test_only_the_first_outcome_of_a_frame_counts() -> None:
    stats = after(prediction(1, "expired"), prediction(1), prediction(1))
    assert (stats.answered, stats.expired) == (0, 1)


def test_a_replay_changes_nothing_whatever_the_order() -> None:
    numbers = list(range(1, 100))
    random.Random(3).shuffle(numbers)
    once = after(*(prediction(seq) for seq in numbers))
    before = once.dumps()
    for seq in numbers:
        assert not once.add(prediction(seq, "stale"), 9e9)
    assert once.dumps() == before
    assert once.answered == 99
    assert (once.floor, once.above_floor) == (99, set())


def test_a_gap_that_is_never_filled_does_not_grow_the_state() -> None:
    stats = after(*(prediction(seq) for seq in range(2, 2000)))
    assert len(stats.above_floor) < 300
    assert stats.answered == 1998


def predictions(seed: int, frames: int = 400) -> list[Prediction]:
    """A session as it can be: labels that change, drops, outcomes out of order, echoes with later frames."""
    dice = random.Random(seed)
    made = []
    for seq in range(1, frames + 1):
        label = ("cat", "dog", "cup")[seq // 40 % 3] if dice.random() < 0.9 else "lynx"
        captured = 1e12 + seq * 50.0
        steps = [captured]
        for _ in range(5):
            steps.append(steps[-1] + dice.lognormvariate(1.5, 0.6))
        names = ("captured", "received", "queued", "decoded", "classified", "published")
        made.append(
            prediction(
                seq,
                dice.choices(("answered", "stale", "expired"), (90, 8, 2))[0],
                label,
                times=dict(zip(names, steps, strict=True)),
                echoes=[[max(1, seq - 2), dice.lognormvariate(3.2, 0.4)]],
            )
        )
    for place in range(0, frames - 1, 7):
        made[place], made[place + 1] = made[place + 1], made[place]
    return made


def test_continuing_from_stored_statistics_gives_the_same_numbers() -> None:
    whole = SessionStats("s", 0.0, 0.0)
    parts = SessionStats("s", 0.0, 0.0)
    for number, each in enumerate(predictions(1)):
        at = 1e12 + number * 200
        whole.add(each, at)
        parts.add(each, at)
        if number % 13 == 0:
            parts = SessionStats.loads(parts.dumps())
    assert parts == whole
    assert parts.dumps() == whole.dumps()


def test_stored_statistics_have_these_keys() -> None:
    """A worker or gateway must be able to read what an older one has stored."""
    assert set(Codec().loads(after(prediction(1)).dumps())) == {
        "session",
        "started",
        "last_seen",
        "answered",
        "expired",
        "dropped",
        "labels",
        "top",
        "steady",
        "models",
        "latency",
        "hops",
        "unechoed",
        "history",
        "slot",
        "floor",
        "beyond",
    }


def test_the_statistics_of_a_long_session_stay_small() -> None:
    stats = SessionStats("s", 0.0, 0.0)
    at = 1e12
    for number, each in enumerate(predictions(2, 20_000)):
        at = 1e12 + number * 4000  # almost a day
        stats.add(each, at)
    assert len(stats.history) <= 150
    assert len(stats.dumps()) < 24_000
    assert stats.sent == 20_000


def test_hops_are_the_differences_between_neighbouring_times() -> None:
    times = {
        "captured": 0.0,
        "received": 10.0,
        "queued": 12.0,
        "decoded": 15.0,
        "classified": 35.0,
        "published": 36.0,
    }
    stats = after(prediction(1, times=times), prediction(2, "stale", echoes=[[1, 40.0]]))
    assert {hop: histogram.quantile(counts, 0.5) for hop, counts in stats.hops.items()} == pytest.approx(
        {"received": 10, "queued": 2, "decoded": 3, "classified": 20, "published": 1, "delivered": 4}, rel=0.026
    )
    assert histogram.quantile(stats.latency, 0.5) == pytest.approx(40, rel=0.026)


def test_streak_switches_and_dwell_follow_the_top_label() -> None:
    labels = ["cat", "cat", "cat", "dog", "cat", "cat"]
    stats = after(*(prediction(seq, label=label) for seq, label in enumerate(labels, 1)))
    assert (stats.top, stats.streak, stats.switches, stats.watched_ms) == ("cat", 2, 2, 500.0)
    cat, dog = stats.labels["cat"], stats.labels["dog"]
    assert (cat.answers, cat.times_on_top, cat.on_top_ms) == (5, 2, 400.0)
    assert (dog.answers, dog.times_on_top, dog.on_top_ms) == (1, 1, 100.0)
    assert cat.probability_sum == 4.5


def test_a_pause_is_not_time_on_top_of_any_label() -> None:
    stats = after(prediction(1), prediction(2), every_ms=60_000.0)
    assert stats.labels["cat"].on_top_ms == 0
    assert stats.watched_ms == 0


def test_one_message_can_give_the_outcome_of_many_frames() -> None:
    stats = after(prediction(1), prediction(3), prediction(2, "superseded", also=[4, 5]))
    assert (stats.sent, stats.answered, stats.dropped) == (5, 2, {"superseded": 3})
    assert not stats.add(prediction(4, "superseded", also=[5]), 2000.0)
    assert stats.add(prediction(3, "superseded", also=[6]), 2000.0)
    assert (stats.answered, stats.dropped) == (2, {"superseded": 4})


PACKED = Codec().loads(after(*(prediction(seq) for seq in range(1, 5))).dumps())


@given(fields=odd_fields(PACKED))
def test_odd_statistics_are_a_value_error_or_go_on_counting(fields: dict[str, Any]) -> None:
    try:
        read = SessionStats.loads(packed(json.dumps(fields).encode()))
    except ValueError:
        return
    read.add(prediction(4000), read.last_seen + 1)
    assert SessionStats.loads(read.dumps()).dumps() == read.dumps()


@pytest.mark.parametrize(
    "change",
    [
        {"last_seen": "now"},
        {"last_seen": 1e300},
        {"latency": [-(10**9), 1]},
        {"latency": [0, *[1] * 1000]},
        {"hops": {"received": [10**9, 1]}},
        {"top": ["never seen", 1, 0, 0.0, 1, 0.0]},
        {"slot": [0, 2, 0, 0, 0, [], [0.0], []]},
        {"slot": [0, 2, 0, 0, 0, [], [0.0] * 6, [99, 1]]},
        {"history": [[]]},
        {"steady": ["cat", "one", 0.0, 0, {}]},
        {"floor": 10**30},
    ],
)
def test_statistics_with_impossible_values_are_a_value_error(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        SessionStats.loads(packed(json.dumps(PACKED | change).encode()))


def test_list_settled_label_and_confidence_of_an_abstaining_model_agree() -> None:
    """The newest list, the settled label and the mean confidence of a session that sees nothing of its classes."""
    labels = [Label(-1, "none of these", 0.97), Label(0, "ring", 0.02), Label(1, "stripes", 0.01)]
    frames = [
        Prediction(
            session="s",
            seq=seq,
            outcome=Outcome.ANSWERED,
            stage=Stage.WORKER,
            labels=labels,
            model="shapes",
            version="v",
            times={"received": 1000.0 + 100 * seq},
        )
        for seq in range(1, 50)
    ]
    stats = SessionStats.loads(after(*frames).dumps())
    assert (stats.top, stats.smoothed.label) == ("none of these", "none of these")
    assert stats.smoothed.probability == pytest.approx(0.97, abs=0.005)
    assert stats.labels[stats.top].probability_sum / stats.labels[stats.top].answers == pytest.approx(0.97)
