"""What is kept of sessions that are not here, within its bounds."""

from typing import Any

from aiokafka import ConsumerRecord

from web.kafka.other_sessions import OtherSessions, cost


def record(session: bytes, value: bytes) -> ConsumerRecord:
    headers: Any = ()
    return ConsumerRecord("predictions", 0, 0, 0, 0, session, value, None, -1, -1, headers)


def values(records: list[ConsumerRecord]) -> list[bytes]:
    return [each.value for each in records]


def test_a_session_gets_its_own_records_in_their_order_and_once() -> None:
    others = OtherSessions(keep_ms=1000)
    for session, value in ((b"a", b"1"), (b"b", b"2"), (b"a", b"3")):
        others.keep(record(session, value), now=0.0)
    assert values(others.take(b"a")) == [b"1", b"3"]
    assert values(others.take(b"a")) == []
    assert values(others.take(b"b")) == [b"2"]


def test_what_is_too_old_is_removed() -> None:
    others = OtherSessions(keep_ms=1000)
    others.keep(record(b"a", b"old"), now=0.0)
    others.keep(record(b"a", b"new"), now=900.0)
    others.sweep(1001.0)
    assert values(others.take(b"a")) == [b"new"]


def test_without_room_the_oldest_are_removed_also_after_others_were_taken() -> None:
    others = OtherSessions(keep_ms=1000, max_bytes=3 * cost(record(b"0", bytes(10))))
    others.keep(record(b"a", bytes(20)), now=0.0)
    others.take(b"a")
    for number in range(5):
        others.keep(record(b"%d" % number, bytes(10)), now=1.0)
    assert [len(others.take(b"%d" % number)) for number in range(5)] == [0, 0, 1, 1, 1]
