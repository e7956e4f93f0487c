import itertools

from streams.contract.history import FINEST_S, Slot, coarsen, slot_start


def slots(seconds: int) -> list[list[object]]:
    past: list[list[object]] = []
    for start in range(0, seconds, FINEST_S):
        past = coarsen([*past, Slot(start, answered=10, latency={60: 10}, labels={0: 7, 1: 3}).pack()], start)
    return past


def test_old_slots_are_longer_and_no_frame_is_lost() -> None:
    past = [Slot.unpack(each) for each in slots(7200)]
    assert sum(each.answered for each in past) == 36_000
    assert sum(each.latency[60] for each in past) == 36_000
    assert sum(each.labels[0] for each in past) == 25_200
    widths = [each.width for each in past]
    assert widths == sorted(widths, reverse=True)
    assert {1800, 120, 20, 2} == set(widths)
    assert all(one.start + one.width <= other.start for one, other in itertools.pairwise(past))


def test_a_day_has_at_most_150_slots() -> None:
    assert len(slots(24 * 3600)) <= 150


def test_the_last_minute_has_the_finest_slots() -> None:
    fine = [each for each in map(Slot.unpack, slots(3600)) if each.width == FINEST_S]
    assert 28 <= len(fine) <= 42


def test_a_time_belongs_to_the_slot_that_contains_it() -> None:
    assert slot_start(1_000_001_999.0) == 1_000_000
    assert slot_start(1_000_002_000.0) == 1_000_002
