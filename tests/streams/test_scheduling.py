"""Lists in, lists out: which frames a plan runs, drops and keeps."""

import pytest

from streams.contract.messages import Frame
from streams.contract.outcomes import Outcome
from streams.fair_share import FairShare, Run
from streams.scheduling import Limits, Plan, Progress, WaitingFrame, batch_size, is_expiring, plan

NOW = 10_000.0
LIMITS = Limits(max_batch=8, freshness_ms=1000.0)
IDLE = Progress()
BUSY = Progress(running=1)
RAN = ["quiet", "calm", "slow", *["rush"] * 11, *["flood"] * 10]  # rush and flood are over their share


def waiting(session: str, seq: int = 1, received: float = NOW, model: str = "m") -> WaitingFrame:
    return WaitingFrame(Frame(session=session, seq=seq, received=received, model=model))


def having_run(*sessions: str, ms: float = 0.0) -> FairShare:
    share = FairShare()
    for session in sessions:
        share.record(Run(session, NOW, ms))
    return share


def planned(
    *frames: WaitingFrame,
    now: float = NOW,
    ms_per_frame: float = 0.0,
    max_batch: int = 8,
    share: FairShare | None = None,
    progress: Progress = IDLE,
) -> Plan:
    limits = Limits(max_batch, LIMITS.freshness_ms)
    return plan(frames, now, lambda model: ms_per_frame, limits=limits, share=share or FairShare(), progress=progress)


def names(frames: list[WaitingFrame]) -> list[tuple[str, int]]:
    return [(each.frame.session, each.frame.seq) for each in frames]


def sessions(frames: list[WaitingFrame]) -> list[str]:
    return [each.frame.session for each in frames]


def drops(found: Plan) -> list[tuple[str, int, Outcome]]:
    return [(each.frame.session, each.frame.seq, reason) for each, reason in found.drop]


def test_nothing_waits_and_nothing_runs() -> None:
    assert planned() == Plan()


def test_all_frames_run_while_there_is_room() -> None:
    assert names(planned(waiting("a"), waiting("b")).run) == [("a", 1), ("b", 1)]


def test_the_newest_frame_of_a_session_runs_and_the_older_ones_are_superseded() -> None:
    found = planned(waiting("a", 1), waiting("a", 3), waiting("a", 2))
    assert names(found.run) == [("a", 3)]
    assert drops(found) == [("a", 1, Outcome.SUPERSEDED), ("a", 2, Outcome.SUPERSEDED)]


def test_a_frame_older_than_the_limit_is_stale_even_when_there_is_room() -> None:
    found = planned(waiting("a", received=NOW - 1001), waiting("b", received=NOW - 1000))
    assert names(found.run) == [("b", 1)]
    assert drops(found) == [("a", 1, Outcome.STALE)]


def test_a_frame_that_would_be_stale_when_its_answer_came_is_dropped_now() -> None:
    slow = waiting("a", received=NOW - 850)
    assert drops(planned(slow, ms_per_frame=200.0)) == [("a", 1, Outcome.STALE)]
    assert names(planned(slow, ms_per_frame=100.0).run) == [("a", 1)]
    assert drops(planned(slow, ms_per_frame=100.0, progress=BUSY)) == [("a", 1, Outcome.STALE)]


def test_the_session_that_ran_longest_ago_runs_first() -> None:
    frames = waiting("often", 9, NOW - 50), waiting("seldom", 1, NOW - 10), waiting("new")
    found = planned(*frames, max_batch=2, share=having_run("seldom", "often"))
    assert (names(found.run), names(found.keep)) == ([("new", 1), ("seldom", 1)], [("often", 9)])


def test_of_sessions_that_never_ran_the_one_with_the_newest_frame_runs_first() -> None:
    frames = waiting("old", received=NOW - 900), waiting("older", received=NOW - 950), waiting("young")
    assert names(planned(*frames, max_batch=1).run) == [("young", 1)]


def test_a_session_that_sends_many_frames_takes_one_place_of_a_batch() -> None:
    frames = [waiting("flood", seq) for seq in range(1, 100)] + [waiting(f"quiet{n}") for n in range(7)]
    found = planned(*frames)
    assert sorted(sessions(found.run)) == sorted(["flood", *(f"quiet{n}" for n in range(7))])


def test_a_batch_is_of_one_model_and_the_frames_of_others_wait() -> None:
    found = planned(waiting("a", model="x"), waiting("b", model="y"), waiting("c", model="x"))
    assert (names(found.run), names(found.keep)) == ([("a", 1), ("c", 1)], [("b", 1)])


def test_a_batch_that_is_being_prepared_takes_frames_of_its_model_only() -> None:
    found = planned(waiting("a", model="x"), waiting("b", model="y"), progress=Progress("y", preparing=1))
    assert (names(found.run), names(found.keep)) == ([("b", 1)], [("a", 1)])


def test_a_batch_that_is_full_takes_no_frame_and_drops_none() -> None:
    frames = [waiting("a", 1), waiting("a", 2), waiting("b", received=NOW - 2000)]
    assert planned(*frames, max_batch=2, progress=Progress("m", preparing=2)) == Plan(keep=frames)


@pytest.mark.parametrize("progress", [IDLE, BUSY])
def test_a_session_over_its_share_waits_while_others_do(progress: Progress) -> None:
    frames = waiting("flood"), waiting("quiet"), waiting("flood", 2), waiting("new")
    found = planned(*frames, share=having_run(*RAN), progress=progress)
    assert (set(sessions(found.run)), sessions(found.keep)) == ({"quiet", "new"}, ["flood", "flood"])
    assert (found.on_one_core, found.look_again_ms) == (False, None)


def test_a_session_over_its_share_runs_on_one_core_of_an_idle_engine() -> None:
    found = planned(waiting("flood"), share=having_run(*RAN))
    assert (sessions(found.run), found.on_one_core) == (["flood"], True)


@pytest.mark.parametrize("progress", [BUSY, Progress("m", preparing=1)])
def test_a_session_over_its_share_does_not_run_on_a_busy_engine(progress: Progress) -> None:
    found = planned(waiting("flood"), share=having_run(*RAN), progress=progress)
    assert (found.run, sessions(found.keep), found.look_again_ms) == ([], ["flood"], None)


def test_a_session_within_its_share_uses_all_cores() -> None:
    assert not planned(waiting("quiet"), share=having_run(*RAN)).on_one_core


def test_a_session_over_its_share_runs_once_it_is_even_again() -> None:
    share = having_run(*RAN, ms=20.0)  # five sessions: one frame of 20 ms in 100 ms
    early = planned(waiting("flood"), now=NOW + 70, share=share)
    assert (early.run, sessions(early.keep), early.look_again_ms) == ([], ["flood"], 30.0)
    due = planned(waiting("flood"), now=NOW + 100, share=share)
    assert (sessions(due.run), due.keep, due.look_again_ms) == (["flood"], [], None)


def test_of_sessions_over_their_share_one_runs_at_a_time_and_the_one_with_fewer_runs_first() -> None:
    found = planned(waiting("rush"), waiting("flood"), share=having_run(*RAN))
    assert (sessions(found.run), sessions(found.keep)) == (["flood"], ["rush"])


def test_of_sessions_over_their_share_the_one_that_is_even_again_runs() -> None:
    share = having_run(*RAN)
    share.record(Run("flood", NOW, 20.0))
    found = planned(waiting("flood"), waiting("rush"), now=NOW + 50, share=share)
    assert (sessions(found.run), sessions(found.keep)) == (["rush"], ["flood"])


def test_every_frame_is_run_kept_or_dropped_once() -> None:
    frames = [waiting(f"s{n % 5}", n, NOW - n * 40, model="xy"[n % 2]) for n in range(1, 60)]
    found = planned(*frames, max_batch=3, share=having_run("s0", *["s1"] * 9, "s2", "s3"))
    all_names = names(found.run) + names(found.keep) + [(session, seq) for session, seq, _ in drops(found)]
    assert sorted(all_names) == sorted(names(frames))


@pytest.mark.parametrize(("ms_per_frame", "frames"), [(0.0, 8), (10.0, 8), (50.0, 5), (90.0, 2), (400.0, 1)])
def test_a_slow_engine_gets_small_batches_so_that_the_frames_behind_stay_fresh(
    ms_per_frame: float, frames: int
) -> None:
    assert batch_size(ms_per_frame, LIMITS) == frames


@pytest.mark.parametrize(("age_ms", "expiring"), [(2400.0, False), (2600.0, True)])
def test_a_frame_that_its_gateway_gives_up_in_half_a_second_is_expiring(age_ms: float, expiring: bool) -> None:
    assert is_expiring(waiting("a", received=NOW - age_ms).frame, NOW, expire_ms=3000.0) is expiring


def test_a_flood_beside_quiet_sessions_gets_its_share_and_no_more() -> None:
    """An engine of 20 ms a frame: 15 sessions send once a second, one has a frame waiting at every moment."""
    share, ran, free_at = FairShare(), [], 0.0
    quiet: list[str] = []
    for now in range(10_000):  # milliseconds
        if now % 66 == 0:
            quiet.append(f"quiet{now // 66 % 15}")
        if now < free_at:
            continue
        frames = [waiting(session, received=float(now)) for session in [*quiet, "flood"]]
        found = planned(*frames, now=float(now), max_batch=1, share=share)
        if found.run:
            session = found.run[0].frame.session
            share.record(Run(session, float(now), 20.0))
            ran.append(session)
            free_at = now + 20
            quiet = [each for each in quiet if each != session]
    assert not quiet
    assert len(ran) - ran.count("flood") == 152  # each of theirs
    assert 25 <= ran.count("flood") <= 40  # of 500 frames in ten seconds, a sixteenth is 31
