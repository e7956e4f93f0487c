from streams.contract.stats import SessionStats
from streams.expiry import Expiry

HOUR = 3_600_000.0


def entry(last_seen: float) -> bytes:
    return SessionStats("s", 0.0, last_seen).dumps()


def test_only_what_was_not_seen_for_too_long_is_due() -> None:
    entries = {"old": entry(0.0), "new": entry(20 * HOUR)}
    assert Expiry(24 * HOUR).due(entries, 25 * HOUR) == ["old"]


def test_a_session_that_went_on_is_not_due() -> None:
    entries = {"s": entry(0.0)}
    expiry = Expiry(24 * HOUR)
    assert expiry.due(entries, HOUR) == []
    entries["s"] = entry(20 * HOUR)
    assert expiry.due(entries, 25 * HOUR) == []
    assert expiry.due(entries, 45 * HOUR) == ["s"]


def test_an_entry_that_nobody_can_read_goes() -> None:
    assert Expiry(24 * HOUR).due({"s": b"what is this"}, 1e12) == ["s"]
