from collections.abc import Sequence
from typing import Any

import pytest

from streams.contract.messages import Frame, Prediction
from streams.contract.outcomes import Stage
from streams.contract.settings import Settings
from web.protocol import BadMessage, Upload
from web.sessions import Flood, Session, TakenOver

JPEG = b"\xff\xd8\xff\xe0picture"
NOW = 1_000_000.0
SETTINGS = Settings(credits=2, expire_s=3.0, freshness_ms=1000.0, max_fps=30.0, max_frame_bytes=2000)


def session(**changes: Any) -> Session:
    return Session("s", SETTINGS.replace(**changes))


def upload(seq: int, jpeg: bytes = JPEG, captured: float = NOW) -> Upload:
    return Upload(seq, captured, jpeg)


def answered(seq: int) -> Prediction:
    return Prediction(session="s", seq=seq, outcome="answered", stage=Stage.WORKER)


def kinds(messages: Sequence[Frame | Prediction]) -> list[tuple[int, str]]:
    return [(each.seq, "frame" if isinstance(each, Frame) else each.outcome) for each in messages]


def test_frames_go_out_as_long_as_there_is_credit() -> None:
    one = session()
    assert kinds(one.offer(upload(1), "", NOW)) == [(1, "frame")]
    assert kinds(one.offer(upload(2), "", NOW)) == [(2, "frame")]
    assert kinds(one.offer(upload(3), "", NOW)) == []


def test_only_the_newest_frame_waits_for_credit() -> None:
    one = session()
    for seq in (1, 2, 3):
        one.offer(upload(seq), "", NOW)
    assert kinds(one.offer(upload(4), "", NOW)) == []
    assert kinds(one.settle(answered(1), NOW)[1]) == [(4, "frame"), (3, "superseded")]


def test_frames_superseded_while_none_is_done_share_one_drop() -> None:
    one = session()
    for seq in range(1, 8):
        assert kinds(one.offer(upload(seq), "", NOW)) == ([(seq, "frame")] if seq <= 2 else [])
    [frame, drop] = one.settle(answered(1), NOW)[1]
    assert isinstance(drop, Prediction)
    assert (frame.seq, drop.outcome, drop.seqs) == (7, "superseded", [3, 4, 5, 6])
    assert one.settle(drop, NOW) == ([3, 4, 5, 6], [], 4)
    assert one.settle(drop, NOW) == ([], [], 0)


def test_superseded_frames_are_published_now_and_then_and_not_with_every_answer() -> None:
    one = session()
    for seq in range(1, 5):
        one.offer(upload(seq), "", NOW)
    assert kinds(one.settle(answered(1), NOW)[1]) == [(4, "frame"), (3, "superseded")]
    one.offer(upload(5), "", NOW)
    one.offer(upload(6), "", NOW)
    assert kinds(one.settle(answered(2), NOW + 999)[1]) == [(6, "frame")]
    assert one.flush(NOW + 999) == []
    assert kinds(one.flush(NOW + 1000)) == [(5, "superseded")]


def test_many_superseded_frames_do_not_wait_to_be_published() -> None:
    one = session(max_fps=120.0)
    messages = [kinds(one.offer(upload(seq), "", NOW)) for seq in range(1, 99)]
    assert [kind for each in messages for kind in each] == [(1, "frame"), (2, "frame"), (3, "superseded")]
    assert messages[50] == [(3, "superseded")]  # with frame 51, for the 48 that came before


def test_superseded_frames_are_published_also_when_no_answer_comes() -> None:
    one = session()
    for seq in range(1, 6):
        one.offer(upload(seq), "", NOW)
    [drop] = one.flush(NOW)
    assert isinstance(drop, Prediction)
    assert drop.seqs == [3, 4]
    assert one.flush(NOW) == []


def test_a_returning_browser_gets_the_outcome_of_each_of_many_superseded_frames() -> None:
    one = session()
    for seq in range(1, 6):
        one.offer(upload(seq), "", NOW)
    [drop] = one.flush(NOW)
    assert isinstance(drop, Prediction)
    one.settle(drop, NOW)
    assert [(seq, prediction.outcome) for seq, prediction in one.resume([4, 5], NOW)] == [(4, "superseded")]


def test_a_frame_that_waited_too_long_for_credit_is_stale() -> None:
    one = session()
    for seq in (1, 2, 3):
        one.offer(upload(seq), "", NOW)
    assert kinds(one.settle(answered(1), NOW + 1001)[1]) == [(3, "stale")]


def test_an_answer_is_news_once() -> None:
    one = session()
    one.offer(upload(1), "", NOW)
    assert one.settle(answered(1), NOW)[0]
    assert not one.settle(answered(1), NOW)[0]
    assert not one.settle(Prediction(session="s", seq=1, outcome="expired", stage="gateway"), NOW)[0]


def test_credit_comes_back_for_a_frame_whose_worker_died() -> None:
    one = session(credits=1)
    one.offer(upload(1), "", NOW)
    assert one.expire(NOW + 2999) == []
    [given_up] = one.expire(NOW + 3000)
    assert (given_up.outcome, given_up.stage) == ("expired", "gateway")
    one.settle(given_up, NOW + 3001)
    assert kinds(one.offer(upload(2), "", NOW + 3002)) == [(2, "frame")]


def test_an_expiry_that_is_lost_is_published_again() -> None:
    one = session()
    one.offer(upload(1), "", NOW)
    assert one.expire(NOW + 3000)
    assert one.expire(NOW + 3001) == []
    assert one.expire(NOW + 6000)


@pytest.mark.parametrize(
    ("jpeg", "reason"), [(b"", "unreadable"), (b"\x89PNG....", "unreadable"), (JPEG + bytes(2000), "too_large")]
)
def test_a_frame_that_no_worker_can_use_is_dropped_at_once(jpeg: bytes, reason: str) -> None:
    assert kinds(session().offer(upload(1, jpeg), "", NOW)) == [(1, reason)]


def test_sequence_numbers_must_grow() -> None:
    one = session()
    one.offer(upload(5), "", NOW)
    with pytest.raises(BadMessage, match="5"):
        one.offer(upload(5), "", NOW)


def test_above_its_rate_a_session_loses_frames_and_far_above_it_its_socket() -> None:
    one = session()
    outcomes = [outcome for seq in range(1, 60) for _, outcome in kinds(one.offer(upload(seq), "", NOW))]
    assert "rate" in outcomes
    with pytest.raises(Flood):
        for seq in range(60, 200):
            one.offer(upload(seq), "", NOW)


def test_a_session_within_its_rate_loses_no_frame() -> None:
    one = session()
    for seq in range(1, 200):
        now = NOW + seq * 1000 / 30
        assert kinds(one.offer(upload(seq), "", now)) == [(seq, "frame")]
        one.settle(answered(seq), now)


def test_a_browser_that_comes_back_gets_the_outcomes_that_it_missed_and_the_rest_expires() -> None:
    one = session()
    one.offer(upload(1), "", NOW)
    one.settle(answered(1), NOW)
    assert [seq for seq, _ in one.resume([1, 2], NOW)] == [1]
    assert kinds(one.expire(NOW + 3000)) == [(2, "expired")]
    assert one.seq == 2


def test_a_new_gateway_takes_up_an_old_session_where_the_topic_left_it() -> None:
    fresh = session()
    fresh.settle(answered(8), NOW)
    assert [seq for seq, _ in fresh.resume([8, 9], NOW)] == [8]
    assert kinds(fresh.expire(NOW + 3000)) == [(9, "expired")]


def test_capture_time_is_moved_to_the_servers_clock() -> None:
    one = session()
    one.offset = 3_600_000.0
    [frame] = one.offer(upload(1, captured=NOW - 3_600_000 - 20), "", NOW)
    assert isinstance(frame, Frame)
    assert frame.captured == NOW - 20


def test_a_clock_that_runs_ahead_never_makes_a_frame_from_the_future() -> None:
    one = session()
    one.offset = 0.0
    [frame] = one.offer(upload(1, captured=NOW + 3_600_000), "", NOW)
    assert isinstance(frame, Frame)
    assert frame.captured == NOW


def test_a_session_that_comes_from_another_gateway_leaves_numbers_out_for_a_socket_that_still_sends_there() -> None:
    here = session()
    here.resume([49, 50], NOW, sent=50)
    assert here.seq > 50
    with pytest.raises(BadMessage):
        here.offer(upload(51), "", NOW)
    assert kinds(here.offer(upload(here.seq + 1), "", NOW)) == [(here.seq, "frame")]


def test_a_session_that_comes_back_to_the_gateway_of_its_last_frame_numbers_on() -> None:
    here = session()
    here.offer(upload(7), "", NOW)
    here.resume([7], NOW, sent=7)
    assert here.seq == 7


def test_an_outcome_of_a_frame_that_was_sent_elsewhere_after_those_sent_here_says_that_the_session_is_there() -> None:
    here = session()
    here.offer(upload(1), "", NOW)
    here.settle(answered(1), NOW)
    assert not here.is_elsewhere
    here.settle(answered(40), NOW)
    assert here.is_elsewhere
    with pytest.raises(TakenOver):
        here.offer(upload(2), "", NOW)


def test_outcomes_of_earlier_frames_at_another_gateway_say_nothing_about_a_browser_that_has_come_back() -> None:
    here = session()
    here.offer(upload(1), "", NOW)
    for sent in (20, 0):  # the page of an older version does not say what it sent
        here.resume([], NOW, sent)
        here.settle(answered(19 if sent else 20), NOW)
        assert not here.is_elsewhere
    here.offer(upload(here.seq + 1), "", NOW)
    assert not here.is_elsewhere


def test_a_frame_that_another_gateway_received_is_given_up_when_no_worker_can_answer_it_any_more() -> None:
    here = session()
    here.resume([1], NOW, sent=1)
    assert here.expire(NOW + SETTINGS.freshness_ms) == []
    assert kinds(here.expire(NOW + SETTINGS.expire_s * 1000 / 2)) == [(1, "expired")]
    assert here.is_waiting
    here.settle(Prediction(session="s", seq=1, outcome="expired", stage="gateway"), NOW)
    assert not here.is_waiting


def test_a_browser_that_reconnects_all_the_time_does_not_put_off_the_end_of_its_frames() -> None:
    here = session()
    for ms in range(0, 3000, 500):
        here.resume([1], NOW + ms, sent=1)
    assert kinds(here.expire(NOW + 3000)) == [(1, "expired")]


def test_a_frame_counts_only_at_the_gateway_that_received_it() -> None:
    there, here = session(), session()
    there.offer(upload(1), "", NOW)
    here.resume([1], NOW, sent=1)
    given_up = here.expire(NOW + 3000)[0]
    both = [each.settle(given_up, NOW + 3001) for each in (there, here)]
    assert [each.seqs for each in both] == [[1], [1]]
    assert [each.received for each in both] == [1, 0]
    assert [each.traffic.expired for each in (there, here)] == [1, 0]
