"""The store of encoded statistics keeps within its bounds of bytes and age."""

from streams.contract.stats import SessionStats
from web.kafka.stats_store import StatsStore

ENTRY = SessionStats("s", started=1e12, last_seen=1e12).dumps()


def test_the_store_keeps_the_newest_within_its_bounds() -> None:
    fits = 3
    store = StatsStore(keep_ms=1000, max_bytes=fits * len(ENTRY) + 1)
    for number in range(20):
        store.put(f"s{number}", ENTRY, 1e12 + number)
    assert len(store) == fits
    assert store.get("s19", 1e12 + 20) is not None
    assert store.get("s16", 1e12 + 20) is None


def test_a_session_that_is_written_again_has_room_once_and_is_the_newest() -> None:
    store = StatsStore(keep_ms=1000, max_bytes=2 * len(ENTRY))
    for session in ("a", "b", "a", "c"):
        store.put(session, ENTRY, 1e12)
    assert store.get("a", 1e12) is not None
    assert store.get("b", 1e12) is None
    assert len(store) == 2


def test_the_store_removes_what_is_old_or_deleted() -> None:
    store = StatsStore(keep_ms=1000)
    store.put("old", ENTRY, 1e12)
    store.put("new", ENTRY, 1e12 + 900)
    store.put("deleted", ENTRY, 1e12 + 900)
    store.put("deleted", None, 1e12 + 901)
    store.sweep(1e12 + 1500)
    assert len(store) == 1
    assert store.get("new", 1e12 + 1500) is not None


def test_an_entry_that_is_too_old_is_missing_before_the_sweep_too() -> None:
    store = StatsStore(keep_ms=1000)
    store.put("s", ENTRY, 1e12)
    assert store.get("s", 1e12 + 1000) is not None
    assert store.get("s", 1e12 + 1001) is None


def test_an_unreadable_entry_is_missing() -> None:
    store = StatsStore(keep_ms=1000)
    store.put("s", b"what is this", 1e12)
    assert store.get("s", 1e12) is None
