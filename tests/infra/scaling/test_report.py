"""The page about scaling shows the last measurement, and the simulation agreed with it."""

from pathlib import Path

import pytest

from infra.scaling.costs import Costs, Measured, Run
from infra.scaling.report import BEGIN, END, PAGE, markdown, pictures, tables, with_table
from infra.scaling.simulation import Deployment, simulate

COSTS = Costs(batch=2.0, frame=7.5, worker=5.5, broker=1.0, gateway=0.6, client=0.2)


def test_the_page_has_the_tables_of_the_last_measurement() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, table in tables(Measured.read()).items():
        assert f"{BEGIN.format(name)}\n{table}\n{END}" in page, "run `python -m infra.scaling.report`"


def test_the_simulation_is_within_20_percent_of_what_was_measured() -> None:
    runs = Measured.read().runs
    assert [run.workers for run in runs] == [1, 2, 3]
    for run in runs:
        assert run.simulated == pytest.approx(run.measured, rel=0.2)


def test_the_pictures_are_drawn_and_are_the_same_each_time(tmp_path: Path) -> None:
    measured = Measured(
        "a machine", "efficientnet_lite0", "2026-11-27", COSTS, [Run(1, 90.0, 95.0), Run(2, 120.0, 118.0)]
    )
    loaded = [(0.5, simulate(COSTS, Deployment(sessions=4, fps=5), 1))]
    for folder in (tmp_path / "one", tmp_path / "other"):
        folder.mkdir()
        pictures(measured, loaded, folder)
    for name in ("runs", "load", "needs"):
        assert (tmp_path / "one" / f"{name}.svg").read_bytes() == (tmp_path / "other" / f"{name}.svg").read_bytes()


def test_a_table_replaces_the_one_before_and_needs_its_place() -> None:
    page = f"Above\n{BEGIN.format('x')}\nold\n{END}\nBelow"
    assert with_table(page, "x", markdown(("a", "b"), [("1", "2")])) == (
        f"Above\n{BEGIN.format('x')}\n| a | b |\n| --- | ---: |\n| 1 | 2 |\n{END}\nBelow"
    )
    with pytest.raises(ValueError, match="no place for the table y"):
        with_table(page, "y", "")
