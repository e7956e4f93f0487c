import os
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

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
        ("SIGHTSTREAM_PORT", "eighty", "'eighty' must be a whole number from 0 to 65535"),
        ("SIGHTSTREAM_MAX_FPS", "many", "'many' must be a number, 1 or more"),
        ("SIGHTSTREAM_MAX_BATCH", "0", "'0' must be a whole number, 1 or more"),
        ("SIGHTSTREAM_EXPIRE_S", "0", "'0' must be a number, 0.1 or more"),
        ("SIGHTSTREAM_FRESHNESS_MS", "nan", "'nan' must be a number, 1 or more"),
        ("SIGHTSTREAM_STATS_KEEP_S", "inf", "'inf' must be a number, 1 or more"),
        ("SIGHTSTREAM_PORT", "65536", "'65536' must be a whole number from 0 to 65535"),
        ("SIGHTSTREAM_PORT", "-1", "'-1' must be a whole number from 0 to 65535"),
        ("SIGHTSTREAM_METRICS_PORT", "１２", "'１２' must be a whole number from 0 to 65535"),
        ("SIGHTSTREAM_PARTITIONS", "9" * 5000, "'9+' must be a whole number, 1 or more"),
        ("SIGHTSTREAM_WORKER_NAME", "caf\udce9", r"'caf\\udce9' must be text in UTF-8"),
        ("SIGHTSTREAM_MODELS", " , ", "' , ' must name at least one"),
        ("SIGHTSTREAM_MODELS", '["a", 1]', "1 must be text"),
        ("SIGHTSTREAM_CACHE", "", "'' must name a folder"),
        ("SIGHTSTREAM_CACHE", "~nobody-here/x", "'~nobody-here/x' must name a folder: there is no such user"),
        ("SIGHTSTREAM_SECRETS_DIR", "~nobody-here", "'~nobody-here' must name a folder: there is no such user"),
        ("SIGHTSTREAM_ENGINE", "abacus", "'abacus' must be one of openvino, tensorflow"),
        ("SIGHTSTREAM_OPERATOR_TOKEN", "guessable", "must have 16 characters or more"),
        ("SIGHTSTREAM_ORIGINS", "null", r"'null' is wrong in 'null': an origin is written https://example.org"),
        ("SIGHTSTREAM_ORIGINS", "https://a.example,*", r"'https://a.example,\*' is wrong in '\*'"),
        ("SIGHTSTREAM_ORIGINS", "https://a.example/page", "'https://a.example/page' is wrong in"),
        ("SIGHTSTREAM_ORIGINS", "a.example:8000", "'a.example:8000' is wrong in"),
        ("SIGHTSTREAM_ROOT_PATH", "vision", "'vision' is no path such as /vision"),
        ("SIGHTSTREAM_ROOT_PATH", "//evil.test", "'//evil.test' is no path"),
        ("SIGHTSTREAM_ROOT_PATH", "https://example.org/vision", "'https://example.org/vision' is no path"),
        ("SIGHTSTREAM_ROOT_PATH", "/ops/", "'/ops/' is an address of the gateway's own: use another path"),
        ("SIGHTSTREAM_ROOT_PATH", "/a/../b", "'/a/../b' is no path"),
        (
            "SIGHTSTREAM_TRUSTED_PROXIES",
            "10.0.0.0/8,nginx",
            "'10.0.0.0/8,nginx' is wrong in 'nginx': name an IP address",
        ),
        ("SIGHTSTREAM_TRUSTED_PROXIES", "*", r"'\*' is wrong in '\*'"),
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


@pytest.mark.parametrize(
    ("written", "meant"),
    [("", ""), ("/", ""), ("/vision/", "/vision"), ("/user/a.b@c.example/~x", "/user/a.b@c.example/~x")],
)
def test_the_root_path_has_no_slash_at_its_end(written: str, meant: str) -> None:
    assert Settings(root_path=written).root_path == meant


def test_variables_of_other_programs_are_ignored(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("SIGHTSTREAM_TEST_DATA", "/data")
    monkeypatch.setenv("SIGHTSTREAM_DEBUG", "1")
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


@pytest.mark.parametrize(
    ("host", "kept"),
    [
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("::", "::"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("Gateway_1.example.", "Gateway_1.example."),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
def test_a_host_is_a_name_or_an_address_with_brackets_or_without(host: str, kept: str) -> None:
    settings = Settings().replace(host=host, metrics_host=host)
    assert (settings.host, settings.metrics_host) == (kept, kept)


@pytest.mark.parametrize(
    "host", ["", "http://a", "a:80", "a b", "a/b", "user@a", "a..b", "-a", "a" * 64, "１.0.0.1", "[a]"]
)
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(BadSetting, match=r"^SIGHTSTREAM_HOST=.* must be the name or the IP address of a host"):
        Settings().replace(host=host)
    with pytest.raises(BadSetting, match=r"^SIGHTSTREAM_BROKER=.* must be HOST:PORT|must name at least one"):
        Settings().replace(broker=f"{host}:9092" if host not in ("", "a:80") else f"{host}:")


@pytest.mark.parametrize(
    ("broker", "kept"),
    [
        ("[::1]:9092", ("[::1]:9092",)),
        ("a, kafka_2:9093", ("a:9092", "kafka_2:9093")),
        ("[fe80::1%eth0]:1, 10.0.0.1:65535", ("[fe80::1%eth0]:1", "10.0.0.1:65535")),
    ],
)
def test_brokers_are_hosts_with_ports(broker: str, kept: tuple[str, ...]) -> None:
    assert Settings().replace(broker=broker).broker == kept


@pytest.mark.parametrize(
    "broker",
    ["a:0", "a:65536", "a:-1", "a:９０９２", "a:", ":9092", "::1:9092", "[::1]9092", "[::1", "kafka://a:9092"],
)
def test_what_is_no_broker_is_refused_with_an_example(broker: str) -> None:
    with pytest.raises(BadSetting, match=r"^SIGHTSTREAM_BROKER=.* must be HOST:PORT, such as .*\[::1\]:9092"):
        Settings().replace(broker=broker)


NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]) | st.just("\udce9"), min_size=1)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(models=st.lists(NAMES, min_size=1), folder=NAMES)
def test_any_name_of_a_file_reaches_a_child_process_unchanged(models: list[str], folder: str) -> None:
    settings = Settings().replace(models=tuple(models), weights=models[0], cache=Path("/", folder))
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in settings.to_environ().items():
            patch.setenv(variable, value)
        assert Settings.from_environ() == settings


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
    with pytest.raises(BadSetting, match="SIGHTSTREAM_THREADS=-1 must be a whole number, 0 or more"):
        settings.replace(threads=-1)
    with pytest.raises(BadSetting, match="SIGHTSTREAM_THREAD is no setting"):
        settings.replace(thread=1)


def test_a_default_of_a_program_gives_way_to_what_is_set_also_to_the_usual_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SIGHTSTREAM_REPLICATION", "1")
    settings = Settings.from_environ().replace(partitions=4).with_defaults(replication=3, partitions=8, min_insync=2)

    assert (settings.replication, settings.partitions, settings.min_insync) == (1, 4, 2)


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


def test_a_secret_file_that_is_no_text_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "vault").mkdir()
    (folder / "vault" / "sightstream_secret").write_bytes(b"sesame-and-sesame\xff")
    monkeypatch.setenv("SIGHTSTREAM_SECRETS_DIR", "vault")
    with pytest.raises(BadSetting, match=r'the settings cannot be read: .*"secret"') as bad:
        Settings.from_environ()
    assert "sesame" not in str(bad.value)
    assert bad.value.__suppress_context__


def test_every_setting_is_in_one_group_and_has_a_meaning() -> None:
    fields = [(name, field) for _, group in Settings.groups() for name, field in group.items()]
    assert len(fields) == len(Settings.model_fields)
    assert {name for name, _ in fields} == Settings.model_fields.keys()
    for name, field in fields:
        assert field.description and field.description.endswith("."), variable_of(name)


def test_the_engines_that_can_be_set_are_those_that_there_are() -> None:
    assert get_args(Settings.model_fields["engine"].annotation) == ENGINES
