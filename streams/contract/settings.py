"""Every SIGHTSTREAM_* variable: its name, type, default and meaning, in one place.

A variable is the field's name in capitals behind ``SIGHTSTREAM_``: ``max_batch`` is ``SIGHTSTREAM_MAX_BATCH``.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path, user_data_path

PREFIX = "SIGHTSTREAM_"


class BadSetting(ValueError):
    """A SIGHTSTREAM_* variable holds a value that cannot be used."""


def _at_least(least: float) -> dict[str, Any]:
    return {"at_least": least}


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be set, for every process of a stack; durations are in seconds unless the name says otherwise."""

    # Kafka
    broker: tuple[str, ...] = ("127.0.0.1:9092",)  # HOST:PORT, comma-separated
    partitions: int = field(default=4, metadata=_at_least(1))
    replication: int = field(default=1, metadata=_at_least(1))
    frame_retention_s: float = field(default=120.0, metadata=_at_least(1))
    # what is served
    models: tuple[str, ...] = ("efficientnet_lite2",)  # names or bundle folders; the first is the default
    weights: str = ""  # a weights file for the first model, where it is not published in a package
    engine: str = field(default="openvino", metadata={"one_of": ("openvino", "tensorflow")})
    precision: str = field(default="auto", metadata={"one_of": ("auto", "f32")})
    threads: int = field(default=0, metadata=_at_least(0))  # 0: as many as the machine gives
    cache: Path = field(default_factory=lambda: user_cache_path("sightstream"))
    # trained models; those that are live are served too. `up` takes the one in its --data-dir by default
    registry: Path = field(default_factory=lambda: user_data_path("sightstream") / "models")
    # the worker
    worker_name: str = ""  # a worker that comes back under its name gets its partitions back at once
    max_batch: int = field(default=8, metadata=_at_least(1))
    freshness_ms: float = field(default=1000.0, metadata=_at_least(1))
    max_pixels: int = field(default=4_000_000, metadata=_at_least(1))
    # statistics, for worker and gateway
    statistics: str = field(default="on", metadata={"one_of": ("on", "off")})
    stats_keep_s: float = field(default=24 * 3600.0, metadata=_at_least(1))  # after a session's last frame
    # the gateway
    host: str = "127.0.0.1"
    port: int = field(default=8000, metadata=_at_least(0))
    origins: tuple[str, ...] = ()  # further web origins that may connect; the gateway's own always may
    secret: str = ""  # signs session tokens; empty: a new one at every start
    credits: int = field(default=2, metadata=_at_least(1))
    expire_s: float = field(default=3.0, metadata=_at_least(0.1))  # an unanswered frame is given up after this
    max_frame_bytes: int = field(default=512 * 1024, metadata=_at_least(1024))
    max_fps: float = field(default=120.0, metadata=_at_least(1))  # frames a second a session may send
    max_sockets: int = field(default=2000, metadata=_at_least(1))
    max_sockets_per_address: int = field(default=200, metadata=_at_least(1))
    ping_s: float = field(
        default=10.0, metadata=_at_least(0.5)
    )  # a socket that leaves a ping unanswered so long is dead
    resume_s: float = field(default=60.0, metadata=_at_least(1))  # how long a session outlives its socket
    # for operators
    operator_token: str = field(
        default="", metadata={"length_at_least": 16}
    )  # opens /ops and /metrics; empty: no /ops
    metrics_host: str = "127.0.0.1"  # where a worker answers Prometheus; it asks for no token
    metrics_port: int = field(default=0, metadata=_at_least(0))  # of a worker; 0: none. The gateway's is /metrics
    log: str = field(default="text", metadata={"one_of": ("text", "json")})
    log_level: str = field(default="INFO", metadata={"one_of": ("DEBUG", "INFO", "WARNING", "ERROR")})

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """The settings that ``environ`` asks for.

        Raises:
            BadSetting: a value cannot be read as its type or is out of bounds, or a variable is unknown.
        """
        known = {PREFIX + each.name.upper(): each for each in fields(cls)}
        foreign = {PREFIX + "TEST_DATA"}
        for variable in environ:
            if variable.startswith(PREFIX) and variable not in known and variable not in foreign:
                raise BadSetting(f"{variable} is no setting; known are {', '.join(sorted(known))}")
        values = {
            each.name: _read(variable, environ[variable], each.type, each.metadata)
            for variable, each in known.items()
            if variable in environ
        }
        return cls(**values)

    def to_environ(self) -> dict[str, str]:
        """The variables that make ``from_environ`` give these settings again, for a child process."""
        return {PREFIX + each.name.upper(): _write(getattr(self, each.name)) for each in fields(self)}


def _read(variable: str, text: str, kind: Any, rules: Mapping[str, Any]) -> Any:
    try:
        if kind is int:
            value: Any = int(text)
        elif kind is float:
            value = float(text)
        elif kind is Path:
            value = Path(text).expanduser()
        elif kind is str:
            value = text.strip()
        else:
            value = tuple(part.strip() for part in text.split(",") if part.strip())
    except ValueError:
        raise BadSetting(f"{variable}={text!r} is not {kind.__name__}") from None
    if "at_least" in rules and not value >= rules["at_least"]:
        raise BadSetting(f"{variable}={text!r} must be {rules['at_least']} or more")
    if "length_at_least" in rules and 0 < len(value) < rules["length_at_least"]:
        raise BadSetting(f"{variable} must have {rules['length_at_least']} characters or more")
    if "one_of" in rules and value not in rules["one_of"]:
        raise BadSetting(f"{variable}={text!r} must be one of {', '.join(rules['one_of'])}")
    return value


def _write(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
