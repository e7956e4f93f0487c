"""The settings in groups, each with its type, bounds, default and meaning."""

from typing import Annotated, Literal

from platformdirs import user_cache_path, user_data_path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from streams.contract.addresses import path_prefix
from streams.contract.settings.fields import (
    TOKEN_LENGTH,
    AtLeastOne,
    Brokers,
    FileName,
    Host,
    Networks,
    Origins,
    Pool,
    Port,
    Token,
    UserFile,
    UserPath,
)


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
    min_insync: int = Field(
        default=1, ge=1, description="Copies that must have a message before Kafka says that it has it."
    )
    frame_retention_s: float = Field(default=120.0, ge=1, description="How long Kafka keeps frames.")
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT",
        description="Kafka's security.protocol. SSL: over TLS. SASL: with kafka_user and kafka_password.",
    )
    kafka_sasl: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        default="SCRAM-SHA-512", description="Kafka's sasl.mechanism."
    )
    kafka_user: str = Field(default="", description="Name of this process's user in Kafka.")
    kafka_password: str = Field(default="", repr=False, description="Password of kafka_user.")
    kafka_ca: UserFile = Field(
        default="",
        description="Certificate of the authority that signed the brokers' certificates, a PEM file. Empty: those "
        "that this machine knows.",
    )
    kafka_cert: UserFile = Field(
        default="", description="Certificate of this process, a PEM file, where the brokers ask for one."
    )
    kafka_key: UserFile = Field(
        default="", description="Private key of kafka_cert, a PEM file. Empty: it is in the same file."
    )


class ModelSettings(SettingsGroup):
    """The models and how they run."""

    models: AtLeastOne = Field(
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
    pool: Pool = Field(
        default="",
        description="Pool of workers, which serve models of their own. The frames for them are in a topic of their "
        "own. Empty: the main pool, which also keeps the statistics.",
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
    origins: Origins = Field(
        default=(),
        description="Other web origins that may connect, such as https://example.org, comma-separated. The gateway's "
        "own always may.",
    )
    root_path: Annotated[str, AfterValidator(path_prefix)] = Field(
        default="",
        description="Path under which a proxy serves the gateway, such as /vision. The proxy may strip or keep it.",
    )
    trusted_proxies: Networks = Field(
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
