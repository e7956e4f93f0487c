"""Which partitions a gateway needs, and where its new sessions begin."""

import secrets
from collections import Counter

import pytest

from web.partitions import Partitions


def make() -> str:
    return secrets.token_urlsafe(16)


def begin(partitions: Partitions) -> int:
    return partitions.add_session(partitions.new_session(make))


@pytest.mark.parametrize("own", [{0, 2}, {1, 3}, {0, 1, 2, 3}])
def test_new_sessions_are_spread_evenly_over_the_own_partitions(own: set[int]) -> None:
    partitions = Partitions(4, "me")
    partitions.set_own(own)
    begun = Counter(begin(partitions) for _ in range(40))
    assert begun == dict.fromkeys(own, 40 // len(own))
    assert partitions.needed == own


def test_new_sessions_avoid_a_partition_with_a_busy_one_until_that_is_quiet() -> None:
    partitions = Partitions(4, "me")
    partitions.set_own({0, 1})
    busy = begin(partitions)
    for _ in range(100):
        partitions.count_frame(busy)
    assert {begin(partitions) for _ in range(20)} == {1 - busy}
    for _ in range(200):
        partitions.tick()
    assert begin(partitions) == busy


@pytest.mark.parametrize("share", [None, set(), {7}])
def test_without_a_share_a_gateway_has_one_partition_that_depends_on_its_name(share: set[int] | None) -> None:
    found: set[int] = set()
    for name in map(str, range(50)):
        partitions = Partitions(4, name)
        if share is not None:
            partitions.set_own(share)
        assert len(partitions.own) == 1
        found |= partitions.own
    assert found == {0, 1, 2, 3}


def test_two_gateways_with_shares_of_their_own_need_no_common_partition() -> None:
    one, other = Partitions(4, "one"), Partitions(4, "other")
    one.set_own({0, 2})
    other.set_own({1, 3})
    for _ in range(20):
        begin(one)
        begin(other)
    assert not one.needed & other.needed


def test_a_partition_stays_until_the_last_foreign_session_of_it_has_gone() -> None:
    partitions = Partitions(4, "me")
    partitions.set_own({0})
    one, other = [name for name in map(str, range(99)) if partitions.of(name) == 2][:2]
    assert [partitions.add_session(each) for each in (one, other)] == [2, 2]
    partitions.remove_session(2)
    assert partitions.needed == {0, 2}
    partitions.remove_session(2)
    assert partitions.needed == {0}


def test_a_share_that_moves_leaves_the_sessions_that_are_here() -> None:
    partitions = Partitions(4, "me")
    partitions.set_own({0, 1, 2, 3})
    for _ in range(4):
        begin(partitions)
    partitions.set_own({0})
    assert partitions.needed == {0, 1, 2, 3}
    assert begin(partitions) == 0
