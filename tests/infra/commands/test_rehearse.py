from pathlib import Path

from click.testing import CliRunner

from infra.commands.__main__ import main


def test_folder_that_is_no_bundle_is_named_before_anything_starts(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["rehearse", str(tmp_path)])
    assert result.exit_code == 1
    assert "is no bundle" in result.output
