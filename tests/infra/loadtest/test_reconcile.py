"""Frame counts of clients, topic and table: equal to the frame, or named."""

from collections import Counter

import pytest

from infra.client.frame_counts import FrameCounts
from infra.loadtest.reconcile import Record, counts_in_table, differences, outcomes_in_topic, repeated_answers
from streams.contract.canary import canary_session
from streams.contract.messages import Label, Prediction
from streams.contract.outcomes import Outcome, Stage
from streams.contract.stats import SessionStats

SESSION = "alice"


def answered(seq: int, label: str = "cat", session: str = SESSION) -> Prediction:
    return Prediction(session, seq, Outcome.ANSWERED, Stage.WORKER, labels=[Label(1, label, 0.9)])


def dropped(seq: int, outcome: Outcome, *also: int) -> Prediction:
    return Prediction(SESSION, seq, outcome, Stage.GATEWAY, also=list(also))


def in_topic(*predictions: Prediction) -> list[Record]:
    return [(each.session.encode(), each.dumps()) for each in predictions]


def in_table(*predictions: Prediction) -> list[Record]:
    """The table's records after these predictions: one for each change, as in a topic before its compaction."""
    stats = SessionStats(SESSION, 0.0, 0.0)
    records: list[Record] = []
    for each in predictions:
        stats.add(each, 1.0)
        records.append((SESSION.encode(), stats.dumps()))
    return records


HISTORY = (
    answered(1),
    answered(2, "dog"),
    dropped(3, Outcome.SUPERSEDED, 4, 5),
    dropped(6, Outcome.EXPIRED),
    answered(7),
)
COUNTS = FrameCounts(
    sent=7, answered=3, expired=1, dropped=Counter({Outcome.SUPERSEDED: 3}), labels=Counter(cat=2, dog=1)
)


def test_counts_that_agree_give_no_difference() -> None:
    topic, table = outcomes_in_topic(in_topic(*HISTORY)), counts_in_table(in_table(*HISTORY))
    assert topic == table == {SESSION: COUNTS}
    assert differences({SESSION: COUNTS}, topic=topic, table=table) == []


@pytest.mark.parametrize("missing", [0, 2, 3], ids=["an answered frame", "superseded frames", "a frame that expired"])
def test_frame_that_is_missing_in_one_place_is_a_difference_that_names_the_place(missing: int) -> None:
    rest = HISTORY[:missing] + HISTORY[missing + 1 :]
    topic, table = outcomes_in_topic(in_topic(*rest)), counts_in_table(in_table(*HISTORY))
    [line] = differences({SESSION: COUNTS}, topic=topic, table=table)
    all_of_them = "answered: 3, no answer: 1, replaced by a newer frame: 3; labels cat: 2, dog: 1"
    assert line.startswith(f"{SESSION}: the client counted 7 sent ({all_of_them}), the topic ")


def test_session_that_a_place_does_not_know_at_all_is_a_difference() -> None:
    assert len(differences({SESSION: COUNTS}, topic={}, table={SESSION: COUNTS})) == 1
    assert differences({SESSION: FrameCounts()}, topic={}, table={}) == []


def test_other_label_or_other_reason_is_a_difference_although_the_sums_agree() -> None:
    other_label = FrameCounts(7, 3, 1, Counter(COUNTS.dropped), Counter(cat=3))
    other_reason = FrameCounts(7, 3, 1, Counter({Outcome.STALE: 3}), Counter(COUNTS.labels))
    assert len(differences({SESSION: COUNTS}, topic={SESSION: other_label}, table={SESSION: COUNTS})) == 1
    assert len(differences({SESSION: COUNTS}, topic={SESSION: COUNTS}, table={SESSION: other_reason})) == 1


def test_reason_that_was_counted_zero_times_is_no_difference() -> None:
    zero = FrameCounts(7, 3, 1, Counter({**COUNTS.dropped, Outcome.STALE: 0}), COUNTS.labels)
    assert differences({SESSION: COUNTS}, topic={SESSION: zero}) == []


def test_first_outcome_of_a_frame_in_the_topic_counts() -> None:
    late = outcomes_in_topic(in_topic(dropped(1, Outcome.EXPIRED), answered(1)))
    assert late[SESSION] == FrameCounts(sent=1, expired=1)
    overlapping = outcomes_in_topic(in_topic(answered(2), dropped(1, Outcome.SUPERSEDED, 2, 3)))
    assert overlapping[SESSION].answered == 1
    assert overlapping[SESSION].dropped == {Outcome.SUPERSEDED: 2}


def test_newest_value_of_a_session_in_the_table_counts_and_a_deleted_session_is_gone() -> None:
    records = in_table(answered(1), answered(2))
    assert counts_in_table(records)[SESSION].answered == 2
    assert counts_in_table([*records, (SESSION.encode(), None)]) == {}


def test_canaries_in_the_topic_are_ignored() -> None:
    canary = answered(1, session=canary_session("gateway-1"))
    topic = outcomes_in_topic(in_topic(*HISTORY, canary))
    assert differences({SESSION: COUNTS}, topic=topic) == []


def test_only_answers_for_a_frame_of_these_sessions_that_has_one_already_are_repeated() -> None:
    twice = (answered(1), answered(1), answered(1, "dog"), answered(2), answered(3, session="bob"))
    other = (answered(3, session="bob"), dropped(2, Outcome.STALE), dropped(4, Outcome.STALE))
    assert repeated_answers(in_topic(*twice, *other), {SESSION}) == 2
    assert repeated_answers(in_topic(*HISTORY), {SESSION}) == 0
