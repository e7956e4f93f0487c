"""Costs are taken from what was measured."""

import pytest

from infra.scaling.measure import StackFigures, costs_of, per_frame_and_batch


def figures(worker: float, others: float, mean_batch: float) -> StackFigures:
    """The engine takes 2 ms for a batch and 8 ms for each frame."""
    return StackFigures(
        engine_ms={1: [9.0, 10.0, 30.0], 8: [66.0, 65.0, 67.0]},
        cpu_ms={"worker": worker, "broker": others, "gateway": others / 2, "clients": 0.2},
        mean_batch=mean_batch,
    )


def test_each_part_costs_something_for_a_batch_and_something_for_a_frame() -> None:
    # worker: 3 ms a frame and 4 ms a batch besides its engine; broker: 1 and 2; gateway: half of that
    many = figures(8 + 2 / 8 + 3 + 4 / 8, 1 + 2 / 8, 8.0)
    few = figures(8 + 2 / 1 + 3 + 4 / 1, 1 + 2 / 1, 1.0)
    costs = costs_of(many, few, 1.0)
    assert (costs.batch, costs.frame, costs.client) == (2.0, 8.0, 0.2)
    assert (costs.worker, costs.worker_batch) == pytest.approx((3, 4))
    assert (costs.broker, costs.broker_batch) == pytest.approx((1, 2))
    assert (costs.gateway, costs.gateway_batch) == pytest.approx((0.5, 1))


def test_cpu_time_on_full_cores_is_counted_as_that_of_a_core_alone() -> None:
    same = figures(20.0, 2.0, 8.0)
    costs = costs_of(same, same, 0.8)
    assert costs.broker == pytest.approx(1.6)
    assert costs.worker == pytest.approx(20.0 * 0.8 - 8.0 - 2.0 / 8)


def test_noise_makes_no_cost_negative() -> None:
    frame, batch = per_frame_and_batch(5.0, 8.0, 4.0, 1.0)
    assert (frame, batch) == (5.0, 0.0)
    frame, batch = per_frame_and_batch(1.0, 8.0, 40.0, 1.0)
    assert (frame, batch) == (0.0, 8.0)
