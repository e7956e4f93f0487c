"""What many sessions need grows with them, and no part is forgotten."""

import pytest

from infra.scaling.capacity import COPIES, MessageBytes, message_bytes, needs, sessions_per_core
from infra.scaling.costs import Costs

COSTS = Costs(batch=2.0, frame=7.5, worker=5.5, broker=1.0, gateway=0.6, client=0.2)
SIZES = MessageBytes(frame=16_000, prediction=700, statistics=4_000)


def test_needs_grow_in_proportion_to_the_frames() -> None:
    small, large, slow = (
        needs(10_000, COSTS, SIZES),
        needs(100_000, COSTS, SIZES),
        needs(100_000, COSTS, SIZES, fps=0.5),
    )
    assert large.worker_cores == pytest.approx(10 * small.worker_cores, rel=0.01)
    assert large.brokers == pytest.approx(10 * small.brokers, rel=0.1)
    assert slow.worker_cores == small.worker_cores
    assert slow.gateways > small.gateways  # a socket is needed however little it sends


def test_a_cluster_has_no_fewer_brokers_than_copies_and_the_copies_are_counted() -> None:
    few = needs(10, COSTS, SIZES)
    assert few.brokers == COPIES
    assert few.taken_bytes_s > COPIES * 10 * 5 * SIZES.frame


def test_cores_are_full_before_they_have_no_time_left() -> None:
    cores = sessions_per_core(COSTS, fps=1)
    assert cores["gateway"] == pytest.approx(700 / 0.6)
    assert cores["worker"] < 1000 / (7.75 + 5.5)


def test_the_sizes_are_those_of_real_messages() -> None:
    sizes = message_bytes()
    assert 5_000 < sizes.frame < 50_000
    assert 300 < sizes.prediction < 2_000
    assert 1_000 < sizes.statistics < 20_000
