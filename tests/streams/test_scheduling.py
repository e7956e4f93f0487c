import pytest

from streams.contract.messages import Frame
from streams.contract.outcomes import Outcome
from streams.scheduling import Choice, Waiting, batch_limit, choose

NOW = 10_000.0


def waiting(session: str, seq: int, received: float = NOW, model: str = "m") -> Waiting:
    return Waiting(Frame(session=session, seq=seq, received=received, model=model))


def pick(
    frames: list[Waiting], room: int = 8, served: dict[str, int] | None = None, model: str | None = None
) -> Choice:
    return choose(frames, now=NOW, limit_ms=1000, room=room, served=served or {}, model=model)


def names(frames: list[Waiting]) -> list[tuple[str, int]]:
    return [(each.frame.session, each.frame.seq) for each in frames]


def test_nothing_waits_nothing_runs() -> None:
    assert pick([]) == Choice()


def test_all_run_while_there_is_room() -> None:
    assert names(pick([waiting("a", 1), waiting("b", 1)]).run) == [("a", 1), ("b", 1)]


def test_the_newest_of_a_session_runs_and_the_older_is_superseded() -> None:
    choice = pick([waiting("a", 1), waiting("a", 3), waiting("a", 2)])
    assert names(choice.run) == [("a", 3)]
    assert [(each.frame.seq, reason) for each, reason in choice.dropped] == [
        (1, Outcome.SUPERSEDED),
        (2, Outcome.SUPERSEDED),
    ]


def test_a_frame_older_than_the_limit_is_stale_even_when_there_is_room() -> None:
    choice = pick([waiting("a", 1, NOW - 1001), waiting("b", 1, NOW - 1000)])
    assert names(choice.run) == [("b", 1)]
    assert [(each.frame.session, reason) for each, reason in choice.dropped] == [("a", Outcome.STALE)]


def test_the_session_served_longest_ago_runs_first() -> None:
    frames = [waiting("flood", 9, NOW - 50), waiting("quiet", 1, NOW - 10), waiting("new", 1, NOW)]
    choice = pick(frames, room=2, served={"flood": 7, "quiet": 3})
    assert names(choice.run) == [("new", 1), ("quiet", 1)]
    assert names(choice.waiting) == [("flood", 9)]


def test_of_sessions_never_served_the_newest_frame_runs_first() -> None:
    frames = [waiting("old", 1, NOW - 900), waiting("older", 1, NOW - 950), waiting("young", 1, NOW - 5)]
    assert names(pick(frames, room=1).run) == [("young", 1)]


def test_a_flood_takes_one_place_of_a_batch_and_leaves_the_rest() -> None:
    frames = [waiting("flood", seq) for seq in range(1, 100)] + [waiting(f"quiet{n}", 1) for n in range(7)]
    choice = pick(frames, room=8)
    assert sum(each.frame.session == "flood" for each in choice.run) == 1
    assert len(choice.run) == 8


def test_a_batch_is_of_one_model_and_the_others_wait() -> None:
    frames = [waiting("a", 1, model="x"), waiting("b", 1, model="y"), waiting("c", 1, model="x")]
    choice = pick(frames)
    assert names(choice.run) == [("a", 1), ("c", 1)]
    assert names(choice.waiting) == [("b", 1)]


def test_a_batch_that_has_a_model_takes_only_that() -> None:
    choice = pick([waiting("a", 1, model="x"), waiting("b", 1, model="y")], model="y")
    assert names(choice.run) == [("b", 1)]


def test_every_frame_runs_waits_or_is_dropped_once() -> None:
    frames = [waiting(f"s{n % 5}", n, NOW - n * 40, model="xy"[n % 2]) for n in range(1, 60)]
    choice = pick(frames, room=3)
    fates = names(choice.run) + names(choice.waiting) + names([each for each, _ in choice.dropped])
    assert sorted(fates) == sorted(names(frames))


@pytest.mark.parametrize(("ms_per_frame", "frames"), [(0.0, 8), (10.0, 8), (50.0, 5), (90.0, 2), (400.0, 1)])
def test_a_slow_engine_gets_small_batches_so_that_those_behind_stay_fresh(ms_per_frame: float, frames: int) -> None:
    assert batch_limit(ms_per_frame, limit_ms=1000, most=8) == frames
