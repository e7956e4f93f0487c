"""Every SIGHTSTREAM_* variable: its name, type, bounds, default and meaning, in one place.

A variable is the field's name in capitals after ``SIGHTSTREAM_``: ``max_batch`` is ``SIGHTSTREAM_MAX_BATCH``.
Durations are in seconds unless the name says otherwise. ``sightstream settings`` prints all of them.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from platformdirs import user_cache_path, user_data_path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict, SettingsError

from streams.contract.addresses import HIGHEST_PORT, Origin, checked_broker, checked_host, path_prefix

PREFIX = "SIGHTSTREAM_"
SECRETS_DIR = PREFIX + "SECRETS_DIR"  # a folder with a file for each secret, named like the variable in lower case
DEFAULT_SECRETS_DIR = Path("/run/secrets")  # where Docker and Kubernetes put such files
TOKEN_LENGTH = 16
NOT_SETTINGS = {SECRETS_DIR, PREFIX + "TEST_DATA", PREFIX + "DEBUG"}


class BadSetting(ValueError):
    """A setting has an unknown name or a value that cannot be used. The message is one line."""


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):  # perhaps an IPv6 address
        try:
            return tuple(json.loads(value))
        except ValueError:
            pass
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _not_empty(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("must name at least one")
    return values


def _as_it_is(value: object) -> str:
    """For names of files, which need not be the valid Unicode that pydantic's own ``str`` must be."""
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value


def _user_path(value: object) -> Path:
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError("must name a folder")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise ValueError("must name a folder: there is no such user") from None


def _user_file(value: object) -> str:
    name = _as_it_is(value)
    try:
        return str(Path(name).expanduser()) if name else ""
    except RuntimeError:
        raise ValueError("must name a file: there is no such user") from None


def _origins(values: tuple[str, ...]) -> tuple[str, ...]:
    for each in values:
        try:
            Origin.parse(each)
        except ValueError:
            raise ValueError(
                f"is wrong in {each!r}: an origin is written https://example.org, or with a port"
            ) from None
    return values


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    for each in values:
        try:
            ip_network(each, strict=False)
        except ValueError:
            raise ValueError(f"is wrong in {each!r}: name an IP address, or a network such as 10.0.0.0/8") from None
    return values


def _long_enough(token: str) -> str:
    if 0 < len(token) < TOKEN_LENGTH:
        raise ValueError(f"must have {TOKEN_LENGTH} characters or more")
    return token


FileName = Annotated[str, PlainValidator(_as_it_is)]
UserFile = Annotated[str, PlainValidator(_user_file)]
CommaSeparated = Annotated[tuple[FileName, ...], BeforeValidator(_split)]
Brokers = Annotated[
    tuple[Annotated[str, AfterValidator(checked_broker)], ...], BeforeValidator(_split), AfterValidator(_not_empty)
]
Host = Annotated[str, AfterValidator(checked_host)]
Port = Annotated[int, Field(ge=0, le=HIGHEST_PORT)]
UserPath = Annotated[Path, PlainValidator(_user_path)]
Token = Annotated[str, AfterValidator(_long_enough)]


class SettingsGroup(BaseModel):
    """Settings that belong together. The docstring of a group is its title; ``repr=False`` marks a secret."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        str_strip_whitespace=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )


class KafkaSettings(SettingsGroup):
    """Kafka and its topics."""

    broker: Brokers = Field(default=("127.0.0.1:9092",), description="Kafka's addresses, HOST:PORT, comma-separated.")
    partitions: int = Field(default=4, ge=1, description="Partitions of the topics that are divided by session.")
    replication: int = Field(default=1, ge=1, description="Copies of each topic in the cluster.")
    frame_retention_s: float = Field(default=120.0, ge=1, description="How long Kafka keeps frames.")


class ModelSettings(SettingsGroup):
    """The models and how they run."""

    models: Annotated[CommaSeparated, AfterValidator(_not_empty)] = Field(
        default=("efficientnet_lite2",),
        description="Models to serve: names or bundle folders, comma-separated, or a JSON list where a folder has a "
        "comma in its name. The first is the default.",
    )
    weights: FileName = Field(
        default="", description="Weights file for the first model, if no package contains its weights."
    )
    engine: Literal["openvino", "tensorflow"] = Field(
        default="openvino", description="Engine that runs the networks."
    )
    precision: Literal["auto", "f32"] = Field(
        default="auto", description="Arithmetic of the networks. auto: bf16 where the CPU has it."
    )
    threads: int = Field(default=0, ge=0, description="Threads of the engine. 0: one for each core.")
    cache: UserPath = Field(
        default_factory=lambda: user_cache_path("sightstream"), description="Folder for downloads and built models."
    )
    registry: UserPath = Field(
        default_factory=lambda: user_data_path("sightstream") / "models",
        description="Folder of the trained models. Workers also serve those that are live. "
        "`sightstream up` uses the one in its --data-dir by default.",
    )


class WorkerSettings(SettingsGroup):
    """The worker."""

    worker_name: str = Field(
        default="", description="A worker that restarts with the same name gets its partitions back at once."
    )
    max_batch: int = Field(default=8, ge=1, description="Most frames in one batch.")
    freshness_ms: float = Field(default=1000.0, ge=1, description="Frames that wait longer are dropped as too old.")
    max_pixels: int = Field(default=4_000_000, ge=1, description="Larger images are refused before they are decoded.")


class StatisticsSettings(SettingsGroup):
    """Statistics of sessions."""

    statistics: Literal["on", "off"] = Field(
        default="on", description="Whether workers keep statistics of each session."
    )
    stats_keep_s: float = Field(
        default=24 * 3600.0, ge=1, description="How long a session's statistics are kept after its last frame."
    )


class GatewaySettings(SettingsGroup):
    """The gateway."""

    host: Host = Field(default="127.0.0.1", description="Address that the web server listens on.")
    port: Port = Field(default=8000, description="Port that the web server listens on.")
    tls_cert: UserFile = Field(
        default="",
        description="Certificate of the web server, a PEM file, with those that lead to its authority. "
        "Empty: plain HTTP.",
    )
    tls_key: UserFile = Field(
        default="", description="Private key of tls_cert, a PEM file. Empty: it is in the same file."
    )
    tls_ca: UserFile = Field(
        default="",
        description="Certificate of the authority that signed tls_cert, if it is your own. `stream` trusts it, and "
        "phones get it at /ca.crt.",
    )
    origins: Annotated[CommaSeparated, AfterValidator(_origins)] = Field(
        default=(),
        description="Other web origins that may connect, such as https://example.org, comma-separated. The gateway's "
        "own always may.",
    )
    root_path: Annotated[str, AfterValidator(path_prefix)] = Field(
        default="",
        description="Path under which a proxy serves the gateway, such as /vision. The proxy may strip or keep it.",
    )
    trusted_proxies: Annotated[CommaSeparated, AfterValidator(_networks)] = Field(
        default=(),
        description="Addresses or networks of proxies, comma-separated. Only theirs are the headers "
        "X-Forwarded-For, -Proto, -Host and -Prefix that are read.",
    )
    secret: str = Field(
        default="", repr=False, description="Key that signs session tokens. Empty: a new one at every start."
    )
    credits: int = Field(default=2, ge=1, description="Frames that a browser may send before it has their answers.")
    expire_s: float = Field(
        default=3.0, ge=0.1, description="After this time a frame counts as one without an answer."
    )
    max_frame_bytes: int = Field(default=512 * 1024, ge=1024, description="Largest JPEG that is accepted, in bytes.")
    max_fps: float = Field(default=120.0, ge=1, description="Frames a second that a session may send.")
    max_sockets: int = Field(default=2000, ge=1, description="Most open WebSockets.")
    max_sockets_per_address: int = Field(default=200, ge=1, description="Most open WebSockets from one IP address.")
    ping_s: float = Field(
        default=10.0, ge=0.5, description="Time between pings. A socket that takes longer to answer one is closed."
    )
    resume_s: float = Field(
        default=60.0, ge=1, description="How long a session can be resumed after its socket closes."
    )


class OperatorSettings(SettingsGroup):
    """Access and metrics for operators."""

    operator_token: Token = Field(
        default="",
        repr=False,
        description=f"Token for /ops and /metrics, {TOKEN_LENGTH} characters or more. Empty: no /ops.",
    )
    metrics_host: Host = Field(
        default="127.0.0.1", description="Address where a worker serves Prometheus metrics. It asks for no token."
    )
    metrics_port: Port = Field(
        default=0, description="Port of a worker's metrics. 0: none. The gateway's metrics are at /metrics."
    )


class LogSettings(SettingsGroup):
    """Log lines."""

    log: Literal["text", "json"] = Field(default="text", description="Format of the log lines.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least level that is logged."
    )


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
            return cls(**dict(_Sources(_secrets_dir=_secrets_dir(variables))))
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
            return Settings(**dict(self) | changes)
        except ValidationError as error:
            raise BadSetting(_one_line(error)) from None

    @classmethod
    def groups(cls) -> Iterator[tuple[str, Mapping[str, FieldInfo]]]:
        """The title and the fields of each group, in order."""
        for group in cls.__bases__:
            if issubclass(group, SettingsGroup):
                yield str(group.__doc__).rstrip("."), group.model_fields


class _Sources(BaseSettings, Settings):
    """The same settings, with the sources that their values are read from."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", enable_decoding=False, extra="ignore")


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
        folder = _user_path(named)
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
