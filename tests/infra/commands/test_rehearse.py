from pathlib import Path

from click.testing import CliRunner
from rich.console import Console

from infra.commands.__main__ import main
from infra.commands.rehearse import show
from infra.loadtest.promotion import PartFigures, RehearsalReport
from streams.contract.outcomes import Outcome


def test_folder_that_is_no_bundle_is_named_before_anything_starts(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["rehearse", str(tmp_path)])
    assert result.exit_code == 1
    assert "is no bundle" in result.output


def test_the_figures_are_told_in_words() -> None:
    parts: dict[str, PartFigures] = {"before": {"seconds": 10.0, "answered": 9, "p50": 20.0, "p99": 40.0}}
    report = RehearsalReport("lite0", "b", 10, 8, {Outcome.STALE: 1}, 1, 1, {"a": 5, "b": 3}, parts, {})
    console = Console(width=120)
    with console.capture() as capture:
        show(report, console)
    assert capture.get().splitlines()[-2:] == [
        "sent 10 frames; answered: 8, too old: 1, no answer: 1",
        "lost 1 frame; answers by version: a: 5, b: 3",
    ]
