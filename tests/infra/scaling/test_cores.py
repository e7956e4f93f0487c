"""Simulated machines share their cores equally."""

import pytest

from infra.scaling.cores import Clock, Machine, Station


def finished(machine: Machine, *jobs: tuple[Station, float]) -> list[float]:
    """When each job is done that begins at 0, in milliseconds, in the order of ``jobs``."""
    clock = Clock()
    clock.machines.append(machine)
    done = [0.0] * len(jobs)
    for number, (station, cpu_ms) in enumerate(jobs):

        def note(number: int = number) -> None:
            done[number] = clock.now

        machine.submit(station, cpu_ms, note)
    clock.run(1000)
    return done


def stations(number: int) -> list[Station]:
    return [Station(str(each)) for each in range(number)]


def test_as_many_jobs_as_cores_do_not_disturb_each_other() -> None:
    one, other = stations(2)
    assert finished(Machine(2), (one, 10), (other, 30)) == pytest.approx([10, 30])


def test_more_jobs_than_cores_get_equal_parts_of_them() -> None:
    jobs = [(each, 20.0) for each in stations(4)]
    assert finished(Machine(2), *jobs) == pytest.approx([40] * 4)
    a, b, c = stations(3)
    # two thirds of a core each for 15 ms, then the two that are left have a core each
    assert finished(Machine(2), (a, 10), (b, 20), (c, 20)) == pytest.approx([15, 25, 25])


def test_a_station_runs_one_job_after_the_other_or_as_many_as_it_has_threads() -> None:
    (one,) = stations(1)
    assert finished(Machine(4), (one, 10), (one, 10)) == pytest.approx([10, 20])
    assert finished(Machine(4), *[(Station("pool", threads=2), 10.0)] * 1) == pytest.approx([10])
    pool = Station("pool", threads=2)
    assert finished(Machine(4), (pool, 10), (pool, 10), (pool, 10)) == pytest.approx([10, 10, 20])


def test_full_machines_are_slower_for_each() -> None:
    one, other = stations(2)
    assert finished(Machine(2, speed_when_full=0.8), (one, 8), (other, 16)) == pytest.approx([10, 18])


def test_timers_fire_in_their_order_and_none_after_the_end() -> None:
    clock, fired = Clock(), []
    for ms in (30, 10, 20, 2000):
        clock.after(ms, lambda ms=ms: fired.append((ms, clock.now)))  # type: ignore[misc]
    clock.run(100)
    assert fired == [(10, 10), (20, 20), (30, 30)]
    assert clock.now == 100
