import pytest

from streams.contract.messages import Frame
from streams.fair_share import LATELY_MS, LOOK_BACK, REMEMBERED_SESSIONS, FairShare, Turn
from streams.scheduling import Waiting

NOW = 10_000.0
RAN = ["quiet", "calm", "slow", *["rush"] * 11, *["flood"] * 10]  # five sessions: twice a share is 9.6 turns


def waiting(session: str, seq: int = 1) -> Waiting:
    return Waiting(Frame(session=session, seq=seq))


def after(sessions: list[str], *, at: float = NOW, ms: float = 0.0) -> FairShare:
    turns = FairShare()
    for session in sessions:
        turns.take(Turn(session, at, ms))
    return turns


def names(frames: list[Waiting]) -> list[str]:
    return [each.frame.session for each in frames]


def split(turns: FairShare, *sessions: str, now: float = NOW, idle: bool = False) -> tuple[list[str], list[str]]:
    found = turns.split([waiting(session) for session in sessions], now=now, idle=idle)
    return names(found.run), names(found.held)


@pytest.mark.parametrize("idle", [True, False])
def test_a_session_ahead_of_its_share_is_held_back_while_others_wait(idle: bool) -> None:
    found = split(after(RAN), "flood", "quiet", "flood", "new", idle=idle)
    assert found == (["quiet", "new"], ["flood", "flood"])


def test_a_session_ahead_of_its_share_waits_for_an_engine_with_nothing_else_to_do() -> None:
    assert split(after(RAN), "flood") == ([], ["flood"])
    assert split(after(RAN), "flood", idle=True) == (["flood"], [])


def test_what_a_session_ahead_runs_is_to_leave_cores_to_others_and_nothing_else_is() -> None:
    turns = after(RAN)
    assert turns.split([waiting("flood")], now=NOW, idle=True).aside
    assert not turns.split([waiting("flood"), waiting("quiet")], now=NOW, idle=True).aside
    assert not turns.split([waiting("quiet")], now=NOW, idle=True).aside


def test_a_session_ahead_has_its_share_of_the_time_and_no_more_of_an_idle_engine() -> None:
    turns = after(RAN, ms=20.0)  # five sessions, so one frame in 100 ms
    early = turns.split([waiting("flood")], now=NOW + 70, idle=True)
    assert (names(early.run), names(early.held), early.wait_ms) == ([], ["flood"], 30.0)
    due = turns.split([waiting("flood")], now=NOW + 100, idle=True)
    assert (names(due.run), names(due.held), due.wait_ms) == (["flood"], [], None)


def test_nobody_waits_for_a_time_when_others_run_or_the_engine_does() -> None:
    turns = after(RAN, ms=20.0)
    assert turns.split([waiting("flood"), waiting("quiet")], now=NOW, idle=True).wait_ms is None
    assert turns.split([waiting("flood")], now=NOW, idle=False).wait_ms is None


def test_of_sessions_ahead_of_their_share_one_runs_at_a_time_and_the_one_with_fewer_turns_first() -> None:
    assert split(after(RAN), "rush", "flood", idle=True) == (["flood"], ["rush"])


def test_of_sessions_ahead_of_their_share_the_one_whose_time_has_come_runs() -> None:
    turns = after(RAN)
    turns.take(Turn("flood", NOW, 20.0))
    assert split(turns, "flood", "rush", now=NOW + 50, idle=True) == (["rush"], ["flood"])


def test_a_session_gets_its_share_however_much_the_others_send() -> None:
    assert split(after([*RAN, "quiet", "calm"]), "flood", "new") == (["flood", "new"], [])


def test_two_sessions_are_never_ahead_of_each_other() -> None:
    assert split(after(["often"] * 63 + ["seldom"]), "often") == (["often"], [])


def test_sessions_that_send_alike_are_not_held_back_for_small_differences() -> None:
    assert split(after([f"s{n}" for n in range(8)] * 7 + ["s0"] * 4), "s0") == (["s0"], [])


def test_who_stays_alone_is_ahead_of_nobody_two_seconds_later() -> None:
    assert split(after(RAN), "flood", now=NOW + LATELY_MS - 1) == ([], ["flood"])
    assert split(after(RAN), "flood", now=NOW + LATELY_MS) == (["flood"], [])


def test_a_clock_that_was_set_back_holds_nobody_back() -> None:
    assert split(after(RAN, ms=20.0), "flood", now=NOW - 3_600_000, idle=True) == (["flood"], [])


def test_no_more_turns_are_looked_at_than_a_fast_engine_has_in_a_moment() -> None:
    assert split(after([*RAN, *["later"] * LOOK_BACK]), "flood", "later") == (["flood", "later"], [])


def test_the_session_served_last_is_known_and_those_of_long_ago_are_forgotten() -> None:
    turns = after(["a", "b", "a"])
    assert turns.served == {"b": 2, "a": 3}
    for number in range(REMEMBERED_SESSIONS):
        turns.take(Turn(f"s{number}", NOW, 0.0))
    assert len(turns.served) == REMEMBERED_SESSIONS
    assert "a" not in turns.served


def test_a_flood_beside_quiet_sessions_gets_its_share_and_no_more() -> None:
    """An engine of 20 ms a frame: 15 sessions send once a second, one has a frame waiting at every moment."""
    turns, ran, free_at = FairShare(), [], 0.0
    quiet: list[str] = []
    for now in range(10_000):  # milliseconds
        if now % 66 == 0:
            quiet.append(f"quiet{now // 66 % 15}")
        if now < free_at:
            continue
        found = turns.split([*map(waiting, quiet), waiting("flood")], now=float(now), idle=True)
        if found.run:
            session = found.run[0].frame.session
            turns.take(Turn(session, float(now), 20.0))
            ran.append(session)
            free_at = now + 20
            quiet = [each for each in quiet if each != session]
    assert not quiet
    assert len(ran) - ran.count("flood") == 152  # each of theirs
    assert 25 <= ran.count("flood") <= 40  # of 500 turns in ten seconds, a sixteenth is 31
