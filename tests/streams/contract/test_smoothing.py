import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contract.messages import Label, Prediction
from streams.contract.outcomes import Stage
from streams.contract.smoothing import SmoothedLabel


def answer(seq: int, at: float, **labels: float) -> Prediction:
    ranked = sorted(labels.items(), key=lambda item: -item[1])
    return Prediction(
        session="s",
        seq=seq,
        outcome="answered",
        stage=Stage.WORKER,
        labels=[Label(number, label, share) for number, (label, share) in enumerate(ranked)],
        times={"received": at},
    )


def after(*answers: Prediction) -> SmoothedLabel:
    smoothed = SmoothedLabel()
    for each in answers:
        smoothed.update(each)
    return smoothed


def test_the_first_answer_is_used_at_once() -> None:
    assert after(answer(1, 0, cat=0.4, dog=0.3)).label == "cat"


def test_a_single_frame_that_differs_changes_nothing() -> None:
    frames = [answer(seq, seq * 50.0, cat=0.8, dog=0.1) for seq in range(1, 20)]
    smoothed = after(*frames, answer(20, 1000.0, dog=0.9))
    assert (smoothed.label, smoothed.switches) == ("cat", 0)


@pytest.mark.parametrize("fps", [5, 15, 60])
def test_something_else_in_view_takes_over_within_a_second_at_any_frame_rate(fps: int) -> None:
    cats = [answer(seq, seq * 1000 / fps, cat=0.8) for seq in range(1, 3 * fps)]
    smoothed = after(*cats)
    changed_at = cats[-1].times["received"]
    for number in range(1, fps + 1):
        smoothed.update(answer(len(cats) + number, changed_at + number * 1000 / fps, dog=0.8))
    assert (smoothed.label, smoothed.switches) == ("dog", 1)


def test_two_labels_as_likely_as_each_other_do_not_flicker() -> None:
    smoothed = after(
        *(answer(seq, seq * 50.0, cat=0.45 + 0.05 * (seq % 2), dog=0.5 - 0.05 * (seq % 2)) for seq in range(1, 200))
    )
    assert smoothed.switches == 0


def test_an_answer_that_comes_after_a_newer_one_changes_nothing() -> None:
    smoothed = after(answer(2, 100.0, cat=0.9))
    before = smoothed.pack()
    smoothed.update(answer(1, 50.0, dog=0.9))
    assert smoothed.pack() == before


def test_labels_that_are_not_seen_any_more_are_removed() -> None:
    smoothed = after(*(answer(seq, seq * 50.0, **{f"label {seq}": 0.9, "cat": 0.1}) for seq in range(1, 1000)))
    assert len(smoothed.scores) < 60


def test_continuing_from_a_stored_label_gives_the_same_label() -> None:
    frames = [answer(seq, seq * 33.0, cat=(seq * 7 % 10) / 10, dog=(seq * 3 % 10) / 10) for seq in range(1, 100)]
    whole, parts = after(*frames), SmoothedLabel()
    for each in frames:
        parts = SmoothedLabel(*parts.pack())
        parts.update(each)
    assert parts == whole


def test_none_of_these_is_a_label_that_can_be_settled_on() -> None:
    rings = [answer(seq, seq * 50.0, ring=0.95, **{"none of these": 0.05}) for seq in range(1, 20)]
    after_that = [answer(seq, seq * 50.0, ring=0.02, **{"none of these": 0.98}) for seq in range(20, 60)]
    smoothed = after(*rings, *after_that)
    assert smoothed.label == "none of these"
    assert smoothed.probability == pytest.approx(0.98, abs=0.01)


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=5), st.floats(1, 5000))
def test_after_many_equal_answers_their_first_label_is_settled_with_its_probability(
    weights: list[float], step_ms: float
) -> None:
    whole = max(1.0, sum(weights))
    shares = {f"label {place}": weight / whole for place, weight in enumerate(weights)}
    smoothed = after(*(answer(seq, seq * step_ms, **shares) for seq in range(1, 40)))
    likeliest = max(shares, key=shares.__getitem__)
    assert smoothed.label == likeliest
    assert smoothed.probability == pytest.approx(shares[likeliest], abs=0.01)
    assert sum(smoothed.scores.values()) <= 1 + 1e-3
