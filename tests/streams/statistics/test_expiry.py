from streams.contract.stats import SessionStats
from streams.statistics.expiry import Expiry

HOUR = 3_600_000.0


def none_is_rejected(session: str, entry: bytes, why: str) -> None:
    raise AssertionError(f"{session}: {why}")


def entry(last_seen: float) -> bytes:
    return SessionStats("s", 0.0, last_seen).dumps()


def test_only_what_was_not_seen_for_too_long_is_due() -> None:
    entries = {"old": entry(0.0), "new": entry(20 * HOUR)}
    assert Expiry(24 * HOUR, none_is_rejected).due(entries, 25 * HOUR) == ["old"]


def test_a_session_that_went_on_is_not_due() -> None:
    entries = {"s": entry(0.0)}
    expiry = Expiry(24 * HOUR, none_is_rejected)
    assert expiry.due(entries, HOUR) == []
    entries["s"] = entry(20 * HOUR)
    assert expiry.due(entries, 25 * HOUR) == []
    assert expiry.due(entries, 45 * HOUR) == ["s"]


def test_an_entry_that_nobody_can_read_goes_and_is_named_once() -> None:
    rejected: list[tuple[str, bytes]] = []
    expiry = Expiry(24 * HOUR, lambda session, entry, why: rejected.append((session, entry)))
    assert expiry.due({"s": b"what is this", "n": entry(1e12)}, 1e12) == ["s"]
    assert rejected == [("s", b"what is this")]


def test_an_entry_from_the_far_future_goes_once_it_was_kept_long_enough() -> None:
    expiry = Expiry(24 * HOUR, none_is_rejected)
    entries = {"s": entry(1e14)}
    assert expiry.due(entries, 1e12) == []
    assert expiry.due(entries, 1e12 + 25 * HOUR) == []
