"""Every SIGHTSTREAM_* variable: its name, type, bounds, default and meaning, in one place.

A variable is the field's name in capitals after ``SIGHTSTREAM_``: ``max_batch`` is ``SIGHTSTREAM_MAX_BATCH``.
Durations are in seconds unless the name says otherwise. ``sightstream settings`` prints all of them.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict, SettingsError

from streams.contract.settings.fields import user_path
from streams.contract.settings.groups import (
    GatewaySettings,
    KafkaSettings,
    LogSettings,
    ModelSettings,
    OperatorSettings,
    SettingsGroup,
    StatisticsSettings,
    WorkerSettings,
)

PREFIX = "SIGHTSTREAM_"
SECRETS_DIR = PREFIX + "SECRETS_DIR"  # a folder with a file for each secret, named like the variable in lower case
DEFAULT_SECRETS_DIR = Path("/run/secrets")  # where Docker and Kubernetes put such files
NOT_SETTINGS = {SECRETS_DIR, PREFIX + "TEST_DATA", PREFIX + "DEBUG"}


class BadSetting(ValueError):
    """There is no setting of this name, or its value cannot be used. The message is one line."""


class Settings(
    KafkaSettings,
    ModelSettings,
    WorkerSettings,
    StatisticsSettings,
    GatewaySettings,
    OperatorSettings,
    LogSettings,
):
    """All settings of all processes. ``Settings(...)`` itself reads no variable and no file."""

    @property
    def max_message_bytes(self) -> int:
        """The largest message between browser, gateway, Kafka and worker, in bytes.

        It is four times the largest frame: a frame that is too large is still read, and gets an answer.
        """
        return 4 * self.max_frame_bytes

    @classmethod
    def from_environ(cls) -> "Settings":
        """The settings from the environment, else ``.env`` in this folder, else from secret files, else the defaults.

        Raises:
            BadSetting: a name is unknown, a value has the wrong type or is out of bounds, or a file is not readable.
        """
        try:
            dotenv = DotEnvSettingsSource(_Sources).env_vars
            variables = {name.upper(): value for name, value in dotenv.items()} | dict(os.environ)
            _check_names(variables)
            return cls(**_given(_Sources(_secrets_dir=_secrets_dir(variables))))
        except ValidationError as error:
            raise BadSetting(_one_line(error)) from None  # without the cause, which shows secrets
        except (OSError, UnicodeError) as error:
            raise BadSetting(f"the settings cannot be read: {error}") from error
        except SettingsError as error:  # a secret file cannot be read, or is no text
            raise BadSetting(f"the settings cannot be read: {error} ({error.__cause__})") from None

    def to_environ(self) -> dict[str, str]:
        """All variables, so that ``from_environ`` gives these settings again in a child process."""
        return {
            variable_of(name): json.dumps(value) if isinstance(value, tuple) else str(value) for name, value in self
        }

    def replace(self, **changes: Any) -> "Settings":
        """A copy with ``changes``.

        Raises:
            BadSetting: as in ``from_environ``.
        """
        try:
            return Settings(**_given(self) | changes)
        except ValidationError as error:
            raise BadSetting(_one_line(error)) from None

    def with_defaults(self, **defaults: Any) -> "Settings":
        """A copy with those of ``defaults`` that no source and no ``replace`` has given a value."""
        return self.replace(**{name: value for name, value in defaults.items() if name not in self.model_fields_set})

    @classmethod
    def groups(cls) -> Iterator[tuple[str, Mapping[str, FieldInfo]]]:
        """The title and the fields of each group, in order."""
        for group in cls.__bases__:
            if issubclass(group, SettingsGroup):
                yield str(group.__doc__).rstrip("."), group.model_fields


class _Sources(BaseSettings, Settings):
    """The same settings, with the sources that their values are read from."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", enable_decoding=False, extra="ignore")


def _given(settings: Settings) -> dict[str, Any]:
    """The values that are not just the defaults."""
    return {name: getattr(settings, name) for name in settings.model_fields_set}


def variable_of(name: str) -> str:
    """The variable of a field."""
    return PREFIX + name.upper()


def choices(field: FieldInfo) -> tuple[str, ...]:
    """The allowed values of a field; empty if there is no list of them."""
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


def _secrets_dir(variables: Mapping[str, str | None]) -> Path | None:
    named = variables.get(SECRETS_DIR)
    if not named:
        return DEFAULT_SECRETS_DIR if DEFAULT_SECRETS_DIR.is_dir() else None
    try:
        folder = user_path(named)
    except ValueError as error:
        raise BadSetting(f"{SECRETS_DIR}={named!r} {error}") from None
    if not folder.is_dir():
        raise BadSetting(f"{SECRETS_DIR}={named!r} is not a folder")
    return folder


def _check_names(variables: Iterable[str]) -> None:
    known = {variable_of(name) for name in Settings.model_fields} | NOT_SETTINGS
    for variable in variables:
        if variable.startswith(PREFIX) and variable not in known:
            raise BadSetting(_no_setting(variable))


def _no_setting(variable: str) -> str:
    names = [name.upper() for name in sorted(Settings.model_fields)]
    close = get_close_matches(variable.removeprefix(PREFIX), names, n=1)
    guess = f" Did you mean {PREFIX}{close[0]}?" if close else ""
    return f"{variable} is no setting.{guess} Known are {', '.join(PREFIX + name for name in names)}"


def _one_line(error: ValidationError) -> str:
    first = error.errors()[0]
    name, context = str(first["loc"][0]), first.get("ctx", {})
    if first["type"] == "extra_forbidden":
        return _no_setting(variable_of(name))
    field = Settings.model_fields[name]
    reason = str(context["error"]) if first["type"] == "value_error" else f"must be {_possible(field)}"
    shown = f"={first['input']!r}" if field.repr else ""  # a secret is not shown
    return f"{variable_of(name)}{shown} {reason}"


def _possible(field: FieldInfo) -> str:
    """The values that a field takes, in words."""
    if choices(field):
        return f"one of {', '.join(choices(field))}"
    if field.annotation not in (int, float):
        return "text in UTF-8"
    number = "a whole number" if field.annotation is int else "a number"
    [least] = [each.ge for each in field.metadata if hasattr(each, "ge")]
    most = [each.le for each in field.metadata if hasattr(each, "le")]
    return f"{number} from {least:g} to {most[0]:g}" if most else f"{number}, {least:g} or more"
