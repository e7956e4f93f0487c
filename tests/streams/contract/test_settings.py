import os
from pathlib import Path
from typing import get_args

import pytest

from models.engines.registry import ENGINES
from streams.contract import settings as module
from streams.contract.settings import PREFIX, BadSetting, Settings, variable_of


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty current folder and an environment without our variables and secret files."""
    for variable in os.environ:
        if variable.startswith(PREFIX):
            monkeypatch.delenv(variable)
    monkeypatch.setattr(module, "DEFAULT_SECRETS_DIR", tmp_path / "run-secrets")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_variables_everything_has_a_default_and_nothing_listens_on_the_world() -> None:
    assert Settings.from_environ() == Settings()
    assert (Settings().host, Settings().metrics_host) == ("127.0.0.1", "127.0.0.1")


def test_variables_are_read_as_their_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTSTREAM_BROKER", "a:1, b:2")
    monkeypatch.setenv("SIGHTSTREAM_PORT", "99")
    monkeypatch.setenv("SIGHTSTREAM_FRESHNESS_MS", "250")
    monkeypatch.setenv("SIGHTSTREAM_CACHE", "~/models")
    monkeypatch.setenv("SIGHTSTREAM_HOST", " ::1 ")
    settings = Settings.from_environ()
    assert (settings.broker, settings.port, settings.freshness_ms) == (("a:1", "b:2"), 99, 250.0)
    assert (settings.cache, settings.host) == (Path.home() / "models", "::1")


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("SIGHTSTREAM_PORT", "eighty", "'eighty' is not int"),
        ("SIGHTSTREAM_MAX_FPS", "many", "'many' is not float"),
        ("SIGHTSTREAM_MAX_BATCH", "0", "'0' must be 1 or more"),
        ("SIGHTSTREAM_EXPIRE_S", "0", "'0' must be 0.1 or more"),
        ("SIGHTSTREAM_FRESHNESS_MS", "nan", "'nan' must be 1 or more"),
        ("SIGHTSTREAM_ENGINE", "abacus", "'abacus' must be one of openvino, tensorflow"),
        ("SIGHTSTREAM_OPERATOR_TOKEN", "guessable", "must have 16 characters or more"),
        ("SIGHTSTREAM_LOG", "xml", "'xml' must be one of text, json"),
        ("SIGHTSTREAM_FRESHNES_MS", "5", r"is no setting. Did you mean SIGHTSTREAM_FRESHNESS_MS\? Known are SIGHT"),
        ("SIGHTSTREAM_QQQQ", "5", "is no setting. Known are SIGHTSTREAM_BROKER, "),
        ("SIGHTSTREAM_SECRETS_DIR", "/nowhere", "'/nowhere' is not a folder"),
    ],
)
def test_a_wrong_value_or_a_wrong_name_names_itself(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadSetting, match=f"^{variable}[= ]{reason}") as error:
        Settings.from_environ()
    assert "\n" not in str(error.value)


def test_variables_of_other_programs_are_ignored(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("SIGHTSTREAM_TEST_DATA", "/data")
    monkeypatch.setenv("PORT", "1")
    (folder / ".env").write_text("PORT=2\nCOMPOSE_PROJECT_NAME=x\n")
    assert Settings.from_environ() == Settings()


def test_the_environment_comes_before_the_env_file_and_that_before_the_secret_files(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    secrets = folder / "run-secrets"
    secrets.mkdir()
    for name in ("host", "secret", "models"):
        (secrets / f"sightstream_{name}").write_text("from-a-file\n")
    (folder / ".env").write_text("SIGHTSTREAM_HOST=from-dotenv\nexport SIGHTSTREAM_SECRET='from-dotenv'  # signs\n")
    monkeypatch.setenv("SIGHTSTREAM_HOST", "from-the-environment")
    settings = Settings.from_environ()
    assert settings.host == "from-the-environment"
    assert settings.secret == "from-dotenv"
    assert settings.models == ("from-a-file",)


@pytest.mark.parametrize("where", ["environment", "env file"])
def test_the_folder_of_secret_files_can_be_named(monkeypatch: pytest.MonkeyPatch, folder: Path, where: str) -> None:
    (folder / "vault").mkdir()
    (folder / "vault" / "sightstream_operator_token").write_text("0123456789abcdef\n")
    if where == "environment":
        monkeypatch.setenv("SIGHTSTREAM_SECRETS_DIR", "vault")
    else:
        (folder / ".env").write_text("SIGHTSTREAM_SECRETS_DIR=vault\n")
    assert Settings.from_environ().operator_token == "0123456789abcdef"


def test_a_wrong_name_in_the_env_file_is_refused(folder: Path) -> None:
    (folder / ".env").write_text("SIGHTSTREAM_PROT=80\n")
    with pytest.raises(BadSetting, match=r"SIGHTSTREAM_PROT is no setting. Did you mean SIGHTSTREAM_PORT"):
        Settings.from_environ()


def test_an_env_file_that_is_not_text_is_one_line(folder: Path) -> None:
    (folder / ".env").write_bytes(b"SIGHTSTREAM_PORT=\xff\xfe")
    with pytest.raises(BadSetting, match="the settings cannot be read"):
        Settings.from_environ()


def test_settings_made_in_code_read_no_variable_and_no_file(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("SIGHTSTREAM_PORT", "1")
    (folder / ".env").write_text("SIGHTSTREAM_HOST=from-dotenv\n")
    assert (Settings().port, Settings().host) == (8000, "127.0.0.1")


def test_a_child_process_gets_the_same_settings(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    settings = Settings(broker=("x:1", "y:2"), credits=5, expire_s=0.1, origins=(), cache=Path("/a b"))
    (folder / ".env").write_text("SIGHTSTREAM_SECRET=another\nSIGHTSTREAM_ORIGINS=https://a\n")
    for variable, value in settings.to_environ().items():
        monkeypatch.setenv(variable, value)
    assert Settings.from_environ() == settings


def test_a_change_is_checked_like_a_variable() -> None:
    settings = Settings(port=1)
    assert settings.replace(models=("m",), threads=3) == Settings(port=1, models=("m",), threads=3)
    assert settings.threads == 0
    with pytest.raises(BadSetting, match="SIGHTSTREAM_THREADS=-1 must be 0 or more"):
        settings.replace(threads=-1)
    with pytest.raises(BadSetting, match="SIGHTSTREAM_THREAD is no setting"):
        settings.replace(thread=1)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]


def test_secrets_are_printed_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(secret="sesame-1", operator_token="sesame-2-sesame-2")
    assert "sesame" not in f"{settings!r} {settings}"
    with pytest.raises(ValueError) as refused:
        Settings(operator_token="sesame")
    assert "sesame" not in str(refused.value)
    monkeypatch.setenv("SIGHTSTREAM_OPERATOR_TOKEN", "sesame")
    with pytest.raises(BadSetting) as bad:
        Settings.from_environ()
    assert "sesame" not in str(bad.value)
    assert bad.value.__suppress_context__  # a traceback would print the value


def test_every_setting_is_in_one_group_and_has_a_meaning() -> None:
    fields = [(name, field) for _, group in Settings.groups() for name, field in group.items()]
    assert len(fields) == len(Settings.model_fields)
    assert {name for name, _ in fields} == Settings.model_fields.keys()
    for name, field in fields:
        assert field.description and field.description.endswith("."), variable_of(name)


def test_the_engines_that_can_be_set_are_those_that_there_are() -> None:
    assert get_args(Settings.model_fields["engine"].annotation) == ENGINES
