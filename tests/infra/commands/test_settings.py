import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra.commands.settings import MASK, WIDTH, settings
from streams.contract.settings import PREFIX, Settings, variable_of


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variables of ours, no ``.env`` file."""
    for variable in os.environ:
        if variable.startswith(PREFIX):
            monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, **variables: str) -> Result:
    environ = {variable_of(name): value for name, value in variables.items()}
    return CliRunner().invoke(settings, arguments, env=environ)


def test_every_setting_is_listed_once_with_its_value_default_and_meaning() -> None:
    found = json.loads(run("--json", port="99", broker="a:1,b:2").output)
    assert sorted(each["variable"] for each in found) == sorted(map(variable_of, Settings.model_fields))
    by_variable = {each["variable"]: each for each in found}
    assert by_variable["SIGHTSTREAM_PORT"] == {
        "group": "The gateway",
        "variable": "SIGHTSTREAM_PORT",
        "value": 99,
        "default": 8000,
        "choices": [],
        "meaning": "Port that the web server listens on.",
    }
    assert by_variable["SIGHTSTREAM_BROKER"]["value"] == ["a:1", "b:2"]
    assert by_variable["SIGHTSTREAM_ENGINE"]["choices"] == ["openvino", "tensorflow"]


def test_the_table_has_every_setting_and_fits() -> None:
    output = run(port="99", cache="/" + "long/" * 40, weights="[bold]x").output
    assert all(variable_of(name) in output for name in Settings.model_fields)
    assert max(map(len, output.splitlines())) <= WIDTH
    assert "…" not in output
    [port] = [line for line in output.splitlines() if "SIGHTSTREAM_PORT " in line]
    assert port.split()[1:3] == ["99", "8000"]
    assert "[bold]x" in output
    assert "One of" in output


@pytest.mark.parametrize("how", ["", "--json"])
def test_secrets_are_masked(how: str) -> None:
    arguments = [how] if how else []
    output = run(*arguments, secret="sesame", operator_token="sesame-and-sesame").output
    assert "sesame" not in output
    assert output.count(MASK) == 2
    assert MASK not in run(*arguments).output  # what is not set is shown as empty


def test_values_come_from_the_env_file_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SIGHTSTREAM_WORKER_NAME=anna\n")
    assert "anna" in run().output


def test_a_wrong_value_is_one_line() -> None:
    result = run(port="eighty")
    assert result.exit_code == 1
    assert result.output == "Error: SIGHTSTREAM_PORT='eighty' must be a whole number from 0 to 65535\n"
