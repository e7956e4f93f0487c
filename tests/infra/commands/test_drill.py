"""`sightstream drill`: its table, and what can be asked for."""

import pytest
from click.testing import CliRunner
from rich.console import Console

from infra.commands.__main__ import main
from infra.commands.drill import as_table, plan_of
from infra.loadtest.faults.cases import CLUSTER_FAULTS, ONE_WORKER, TWO_WORKERS, Size
from tests.fakes.fault_reports import fault_report


def test_the_table_has_a_row_for_each_fault_with_words_for_outcomes_and_fits_a_wide_terminal() -> None:
    names = [each.name for each in (*ONE_WORKER, *CLUSTER_FAULTS)]
    reports = [fault_report(fault=name) for name in names]
    console = Console(width=150)
    with console.capture() as capture:
        console.print(as_table([*reports, fault_report(dropped={}, recovery_s=None, differences=["x"])]))
    lines = [" ".join(line.replace("│", " ").replace("┃", " ").split()) for line in capture.get().splitlines()]
    assert capture.get().splitlines()[0].endswith("┓")  # the whole width is there
    assert sum(line.endswith(" yes") for line in lines) == len(names)
    for name in names:
        assert any(line.startswith(f"{name} 4 1.7 s 2.5 s 0.9 s 100 68 too old: 8, replaced by") for line in lines), (
            name
        )
    assert "a fault 4 never 2.5 s 0.9 s 100 68 no answer: 22 0 3 no" in lines


@pytest.mark.parametrize("options", [[], ["--brokers", "3"]], ids=["one of each", "a cluster"])
def test_a_fault_that_does_not_exist_is_answered_with_those_that_do(options: list[str]) -> None:
    result = CliRunner().invoke(main, ["drill", "--only", "earthquake", *options])
    assert result.exit_code == 2
    first = (CLUSTER_FAULTS if options else ONE_WORKER)[0].name
    assert f"no fault has 'earthquake' in its name; the faults are: {first}" in result.stderr


def test_without_options_the_faults_of_a_laptop_are_tried_and_with_three_brokers_those_of_a_cluster() -> None:
    assert plan_of(1, None, None) == ((Size(), ONE_WORKER), (Size(workers=2), TWO_WORKERS))
    assert plan_of(3, None, None) == ((Size(3, 2, 2), CLUSTER_FAULTS),)
    assert plan_of(3, 3, 4) == ((Size(3, 3, 4), CLUSTER_FAULTS),)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--brokers", "2"], "Kafka has 1 node, or 3 that go on without one of them, and not 2"),
        (["--workers", "2"], "--workers and --gateways are those of a cluster: add --brokers 3, or leave them out"),
        (["--brokers", "3", "--workers", "1"], "1 is not in the range x>=2"),
        (["--brokers", "0"], "0 is not in the range x>=1"),
    ],
)
def test_a_size_on_which_no_fault_can_be_tried_is_refused_with_one_that_can(options: list[str], why: str) -> None:
    result = CliRunner().invoke(main, ["drill", *options])
    assert result.exit_code == 2
    assert why in result.stderr
