"""The simulation keeps the laws that any such system keeps, and its books."""

import pytest

from infra.scaling.costs import Costs
from infra.scaling.simulation import Deployment, simulate
from streams.contract.outcomes import Outcome

COSTS = Costs(batch=2.0, frame=7.5, worker=5.5, broker=1.0, gateway=0.6, client=0.2)
APART = 4  # cores for each part: more than its threads


def test_the_same_seed_gives_the_same_result() -> None:
    deployment = Deployment(sessions=6)
    assert simulate(COSTS, deployment, 3) == simulate(COSTS, deployment, 3)


def test_a_saturated_worker_of_its_own_answers_as_fast_as_its_engine() -> None:
    result = simulate(COSTS, Deployment(sessions=16, cores_each=APART), 10)
    assert result.mean_batch > 7
    assert result.answered_per_s == pytest.approx(1000 * 8 / COSTS.engine(8), rel=0.05)
    assert result.busy["engine-1"] > 0.95


def test_shared_cores_give_no_more_than_they_have() -> None:
    for workers in (1, 2, 3):
        result = simulate(COSTS, Deployment(workers=workers, sessions=16), 10)
        assert sum(result.busy.values()) <= 2.001
    least = COSTS.frame + COSTS.batch / 8 + COSTS.worker + COSTS.broker + COSTS.gateway + COSTS.client
    assert result.answered_per_s <= 2000 / least
    assert result.answered_per_s == pytest.approx(2000 / least, rel=0.1)


def test_a_load_below_the_capacity_is_answered_whole_and_soon() -> None:
    result = simulate(COSTS, Deployment(sessions=8, fps=5, cores_each=APART), 10)
    assert result.answered_per_s == pytest.approx(40, rel=0.03)
    assert result.share(Outcome.ANSWERED) == 1
    assert result.p99_ms < 100


def test_workers_of_their_own_add_up() -> None:
    rates = [
        simulate(COSTS, Deployment(workers=workers, sessions=16 * workers, cores_each=APART), 2).answered_per_s
        for workers in (1, 2, 4)
    ]
    assert rates[1] == pytest.approx(2 * rates[0], rel=0.1)
    assert rates[2] == pytest.approx(4 * rates[0], rel=0.15)


def test_under_overload_what_is_answered_is_fresh_and_the_rest_has_its_reason() -> None:
    result = simulate(COSTS, Deployment(sessions=300, fps=1, cores_each=APART), 5)
    assert result.answered_per_s == pytest.approx(1000 * 8 / COSTS.engine(8), rel=0.1)
    assert result.p99_ms < 1200  # the freshness limit, and the way back
    assert result.share(Outcome.ANSWERED) < 0.5
    assert result.share(Outcome.STALE) > 0.5
    assert sum(result.share(each) for each in Outcome) == pytest.approx(1)


def test_costs_come_from_what_the_engine_takes_for_small_and_large_batches() -> None:
    costs = Costs.of_engine({1: 10.0, 8: 66.0}, worker=1, broker=1, gateway=1, client=1)
    assert (costs.batch, costs.frame) == (2.0, 8.0)
    assert (costs.engine(1), costs.engine(8)) == (10.0, 66.0)
    assert costs.scaled(2).engine(8) == 132.0
