from dataclasses import replace

import pytest

from streams.contract.settings import BadSetting, Settings


def test_without_variables_everything_has_a_default_and_nothing_listens_on_the_world() -> None:
    assert Settings.from_environ({}).host == "127.0.0.1"


def test_variables_are_read_as_their_types() -> None:
    settings = Settings.from_environ(
        {"SIGHTSTREAM_BROKER": "a:1, b:2", "SIGHTSTREAM_PORT": "99", "SIGHTSTREAM_FRESHNESS_MS": "250", "HOME": "/"}
    )
    assert (settings.broker, settings.port, settings.freshness_ms) == (("a:1", "b:2"), 99, 250.0)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SIGHTSTREAM_PORT", "eighty"),
        ("SIGHTSTREAM_MAX_BATCH", "0"),
        ("SIGHTSTREAM_FRESHNESS_MS", "nan"),
        ("SIGHTSTREAM_ENGINE", "abacus"),
        ("SIGHTSTREAM_FRESHNES_MS", "5"),
        ("SIGHTSTREAM_OPERATOR_TOKEN", "guessable"),
        ("SIGHTSTREAM_LOG", "xml"),
    ],
)
def test_a_wrong_value_or_a_wrong_name_names_itself(variable: str, value: str) -> None:
    with pytest.raises(BadSetting, match=variable):
        Settings.from_environ({variable: value})


def test_a_child_process_gets_the_same_settings() -> None:
    settings = replace(Settings(), broker=("x:1", "y:2"), credits=5, secret="s", origins=())
    assert Settings.from_environ(settings.to_environ()) == settings


def test_a_token_that_is_too_short_is_not_printed() -> None:
    with pytest.raises(BadSetting) as error:
        Settings.from_environ({"SIGHTSTREAM_OPERATOR_TOKEN": "guessable"})
    assert "guessable" not in str(error.value)
