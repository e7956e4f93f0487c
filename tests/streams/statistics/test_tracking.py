"""The tracker without Kafka: a table that is a dictionary, and events that know whether they were acknowledged."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from streams.contract.canary import canary_session
from streams.contract.messages import Label, Prediction
from streams.contract.outcomes import Outcome, Stage
from streams.contract.stats import SessionStats
from streams.statistics.tracking import Event, Tracker, published_ms

NOW_S = 1e9


class Delivered:
    """A prediction as Faust delivers it."""

    def __init__(self, seq: int, session: str = "s", partition: int = 0) -> None:
        self.value = Prediction(
            session=session, seq=seq, outcome=Outcome.ANSWERED, stage=Stage.WORKER, labels=[Label(1, "cat", 0.9)]
        )
        self.message: Any = SimpleNamespace(partition=partition, timestamp=NOW_S + seq / 10)
        self.acked = False

    def ack(self) -> bool:
        self.acked = True
        return True


class Table:
    """What was written last, and how often; fails while it is ``broken``."""

    def __init__(self) -> None:
        self.entries: dict[str, bytes] = {}
        self.writes: list[tuple[str, int]] = []
        self.broken = False
        self.rejected: list[str] = []

    def reject(self, message: Any, why: str) -> None:
        self.rejected.append(why)

    def reject_entry(self, session: str, entry: bytes, why: str) -> None:
        self.rejected.append(f"{session} {entry!r}")

    async def write(self, entries: Sequence[tuple[str, int, bytes]]) -> None:
        if self.broken:
            raise OSError("away")
        for session, partition, value in entries:
            self.entries[session] = value
            self.writes.append((session, partition))

    def answered(self, session: str = "s") -> int:
        return SessionStats.loads(self.entries[session]).answered


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def tracker(table: Table, clock: Clock | None = None) -> Tracker:
    return Tracker(
        table.entries.get, table.write, clock or Clock(), reject=table.reject, reject_entry=table.reject_entry
    )


def add(one: Tracker, *events: Event) -> None:
    for each in events:
        one.add(each)


async def test_many_frames_are_one_write() -> None:
    table = Table()
    one = tracker(table)
    add(one, *(Delivered(seq, session, partition) for seq in range(1, 50) for partition, session in enumerate("ab")))
    await one.write_changes()
    assert table.writes == [("a", 0), ("b", 1)]
    assert (table.answered("a"), table.answered("b")) == (49, 49)


async def test_nothing_is_written_for_a_session_that_is_silent() -> None:
    table = Table()
    one = tracker(table)
    add(one, Delivered(1))
    await one.write_changes()
    await one.write_changes()
    assert len(table.writes) == 1


async def test_events_are_acknowledged_only_once_they_are_written() -> None:
    table = Table()
    one = tracker(table)
    events = [Delivered(seq) for seq in (1, 2, 3)]
    add(one, *events)
    assert not any(each.acked for each in events)
    await one.write_changes()
    assert all(each.acked for each in events)


async def test_what_could_not_be_written_is_written_later() -> None:
    table = Table()
    one = tracker(table)
    events = [Delivered(1), Delivered(2)]
    add(one, events[0])
    table.broken = True
    await one.write_changes()
    assert not events[0].acked
    table.broken = False
    add(one, events[1])
    await one.write_changes()
    assert all(each.acked for each in events)
    assert table.answered() == 2


@pytest.mark.parametrize("crash_after", [0, 1, 3, 6])
async def test_a_worker_that_takes_over_comes_to_the_same_numbers(crash_after: int) -> None:
    table = Table()
    first = tracker(table)
    events = [Delivered(seq) for seq in range(1, 8)]
    add(first, *events[:crash_after])
    await first.write_changes()
    add(first, *events[crash_after:])  # and then it is killed: these were never written
    second = tracker(table)
    # Kafka gives out again what was not acknowledged, and, where a commit was lost, what was
    add(second, *(Delivered(each.value.seq) for each in events))
    await second.write_changes()
    assert table.answered() == 7


async def test_partitions_that_move_take_nothing_unwritten_along() -> None:
    table = Table()
    one = tracker(table)
    add(one, Delivered(1))
    await one.write_changes()
    lost = Delivered(2)
    add(one, lost)
    one.reset()
    await one.write_changes()
    assert not lost.acked
    assert table.answered() == 1
    add(one, Delivered(2))
    await one.write_changes()
    assert table.answered() == 2


async def test_a_write_under_way_when_partitions_move_acknowledges_nothing() -> None:
    table = Table()
    one = tracker(table)

    async def write(entries: Sequence[tuple[str, int, bytes]]) -> None:
        one.reset()

    one.write = write
    event = Delivered(1)
    add(one, event)
    await one.write_changes()
    assert not event.acked


async def test_a_worker_that_stood_still_waits_before_it_writes() -> None:
    table, clock = Table(), Clock()
    one = tracker(table, clock)
    add(one, Delivered(1))
    clock.now = 10.0
    await one.write_changes()
    assert table.writes == []
    for _ in range(10):
        clock.now += 0.8
        await one.write_changes()
    assert len(table.writes) == 1


async def test_canaries_leave_no_statistics() -> None:
    table = Table()
    one = tracker(table)
    canary = Delivered(1, canary_session("gateway"))
    add(one, canary)
    await one.write_changes()
    assert canary.acked
    assert table.entries == {}


async def test_a_session_that_goes_on_after_a_silence_goes_on_counting() -> None:
    table = Table()
    one = tracker(table)
    add(one, Delivered(1))
    await one.write_changes()
    one.unload_idle((NOW_S + 3600) * 1000)
    add(one, Delivered(2))
    await one.write_changes()
    assert table.answered() == 2


async def test_nonsense_is_acknowledged_and_harms_nobody() -> None:
    table = Table()
    one = tracker(table)
    nonsense = Delivered(1)
    nonsense.value = Prediction(session="s", seq="one", outcome=Outcome.ANSWERED, stage=Stage.WORKER)
    add(one, nonsense, Delivered(2))
    await one.write_changes()
    assert nonsense.acked
    assert table.answered() == 1
    assert len(table.rejected) == 1


async def test_statistics_that_cannot_be_read_begin_anew() -> None:
    table = Table()
    table.entries["s"] = b"what is this"
    one = tracker(table)
    add(one, Delivered(1))
    await one.write_changes()
    assert table.answered() == 1
    assert table.rejected == ["s b'what is this'"]


async def test_statistics_that_cannot_be_packed_keep_no_other_session_waiting() -> None:
    table = Table()
    one = tracker(table)
    broken = Delivered(1, "broken")
    broken.value.version = "\ud800"  # half a surrogate pair: no UTF-8
    add(one, broken, Delivered(1))
    await one.write_changes()
    assert table.answered() == 1
    assert broken.acked
    assert "broken" not in table.entries


@pytest.mark.parametrize(
    ("timestamp_s", "published"),
    [(5.0, 5000.0), (None, 9000.0), (-0.001, 9000.0), (0.0, 9000.0), (9.2e15, 9000.0), (float("nan"), 9000.0)],
)
def test_a_message_without_a_possible_timestamp_was_published_now(
    timestamp_s: float | None, published: float
) -> None:
    assert published_ms(timestamp_s, now_ms=9000.0) == published
