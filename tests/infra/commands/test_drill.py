"""`sightstream drill`: its table, and what can be asked for."""

from click.testing import CliRunner
from rich.console import Console

from infra.commands.__main__ import main
from infra.commands.drill import as_table
from infra.loadtest.chaos import FaultReport
from streams.contract.outcomes import Outcome


def test_the_table_has_words_for_outcomes() -> None:
    report = FaultReport("a fault", 4, 1.7, 100, 68, {Outcome.STALE: 8, Outcome.SUPERSEDED: 2}, 22, [], 0)
    console = Console(width=150)
    with console.capture() as capture:
        console.print(as_table([report]))
    lines = [" ".join(line.replace("│", " ").replace("┃", " ").split()) for line in capture.get().splitlines()]
    assert "fault sessions recovery s sent answered dropped no answer counts agree" in lines
    assert "a fault 4 1.7 100 68 too old: 8, replaced by a newer frame: 2 22 yes" in lines


def test_a_fault_that_does_not_exist_is_answered_with_those_that_do() -> None:
    result = CliRunner().invoke(main, ["drill", "--only", "earthquake"])
    assert result.exit_code == 2
    assert "no fault has 'earthquake' in its name; the faults are: worker stands still" in result.stderr
