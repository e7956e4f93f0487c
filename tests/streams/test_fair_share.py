from streams.fair_share import MAX_RECENT_RUNS, MAX_SESSIONS, RECENT_MS, FairShare, Run

NOW = 10_000.0
RAN = ["quiet", "calm", "slow", *["rush"] * 11, *["flood"] * 10]  # five sessions: twice a share is 9.6 runs


def after(sessions: list[str], *, at: float = NOW, ms: float = 0.0) -> FairShare:
    share = FairShare()
    for session in sessions:
        share.record(Run(session, at, ms))
    return share


def over(sessions: list[str], now: float = NOW) -> set[str]:
    return set(after(sessions).over_share(now))


def test_a_session_with_more_than_twice_its_share_is_over_it() -> None:
    assert over(RAN) == {"rush", "flood"}


def test_a_session_with_twice_its_share_is_not_over_it() -> None:
    assert over([*RAN, "quiet", "calm"]) == {"rush"}


def test_two_sessions_are_never_over_their_share() -> None:
    assert over(["often"] * 63 + ["seldom"]) == set()


def test_small_differences_between_sessions_do_not_matter() -> None:
    assert over([f"s{n}" for n in range(8)] * 7 + ["s0"] * 4) == set()


def test_runs_count_for_two_seconds() -> None:
    assert over(RAN, NOW + RECENT_MS - 1) == {"rush", "flood"}
    assert over(RAN, NOW + RECENT_MS) == set()


def test_a_clock_that_was_set_back_puts_no_session_over_its_share() -> None:
    assert over(RAN, NOW - 3_600_000) == set()


def test_only_the_latest_runs_count() -> None:
    assert over([*RAN, *["later"] * MAX_RECENT_RUNS]) == set()


def test_a_session_over_its_share_waits_until_its_part_of_the_time_is_over() -> None:
    share = after(RAN, ms=20.0)  # five sessions: one frame of 20 ms in 100 ms
    assert share.over_share(NOW + 70)["flood"].wait_ms == 30.0
    assert share.over_share(NOW + 100)["flood"].wait_ms == 0.0


def test_the_last_run_of_each_session_is_known_and_that_of_very_many_sessions_ago_is_not() -> None:
    share = after(["a", "b", "a"])
    assert [share.last_run(session) for session in ("b", "a", "never")] == [2, 3, 0]
    for number in range(MAX_SESSIONS):
        share.record(Run(f"s{number}", NOW, 0.0))
    assert share.last_run("a") == 0
    assert share.last_run("s0") == 4
