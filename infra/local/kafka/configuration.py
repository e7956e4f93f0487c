"""The local broker's server.properties, log settings and Java command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.local.kafka.security.listeners import open_listeners, secured_listeners
from infra.local.ports import LOOPBACK

HOST = LOOPBACK
MOST_COPIES = 3  # of a topic
# All paths are relative to the broker's folder, which is its working directory. So a comma, a space or an accent in
# the folder's name does not get into a properties file.
DATA = "data"
SERVER_PROPERTIES = "server.properties"
LOG_SETTINGS = "log4j2.properties"
LOG = "kafka.log"
CONSOLE = "console.log"


@dataclass(frozen=True)
class Ports:
    """The loopback ports of a node: for clients, for controllers and, where clients need a user, between brokers."""

    broker: int
    controller: int
    nodes: int = 0


def server_properties(node: int, ports: Mapping[int, Ports], data: str = DATA, tls: str = "") -> str:
    """The server.properties of a node that is broker and controller, on loopback only.

    ``ports`` has the ports of all nodes of the cluster, by their ids, ``tls`` is the folder of the brokers'
    certificate: without it, every program of this machine may do everything.
    """
    own = ports[node]
    copies = min(MOST_COPIES, len(ports))
    in_sync = insync_of(copies)
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": node,
        **(
            secured_listeners(own.broker, own.controller, own.nodes, tls)
            if tls
            else open_listeners(own.broker, own.controller)
        ),
        "controller.listener.names": "CONTROLLER",
        # A static quorum: the data does not hold the controllers' ports, so the ports may change between starts.
        "controller.quorum.voters": ",".join(f"{each}@{HOST}:{ports[each].controller}" for each in ports),
        "log.dirs": data,
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": 1,
        "auto.create.topics.enable": "false",
        # A group forms at once (by default after 3 s), and a worker may use a short session timeout.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        # After a kill -9, other nodes take over and the broker can register again after this time (9 s by default).
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 500,
        # A follower that runs and does not fetch keeps writers waiting for this time (30 s by default).
        "replica.lag.time.max.ms": 5000,
        # The default, an entry every 0.5 s, is for a quorum of several nodes.
        "metadata.max.idle.interval.ms": 10_000,
        # The default, a check every 5 minutes, is too rare for a retention of minutes.
        "log.retention.check.interval.ms": 15_000,
        "log.segment.delete.delay.ms": 5000,
        "log.cleaner.backoff.ms": 15_000,
        # For a small heap: by default the cleaner alone uses 128 MB.
        "log.cleaner.dedupe.buffer.size": 8 * 2**20,
        "log.index.size.max.bytes": 2**20,
        "socket.request.max.bytes": 16 * 2**20,
        "replica.fetch.max.bytes": 16 * 2**20,
        "num.network.threads": 2,
        "num.io.threads": 2,
        "num.replica.fetchers": 1,
        "background.threads": 2,
        "group.coordinator.threads": 1,
        "share.coordinator.threads": 1,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def insync_of(copies: int) -> int:
    """The value of min.insync.replicas: one less than the copies, so that one node may be away, but at most two."""
    return max(1, min(2, copies - 1))


def log_settings() -> str:
    """The log4j2.properties: a new file at each start and after 4 MB; the three files before it are kept."""
    settings = {
        "status": "warn",
        # Otherwise log4j stops before Kafka, and the last lines of Kafka go to another file.
        "shutdownHook": "disable",
        "rootLogger.level": "info",
        "rootLogger.appenderRef.file.ref": "file",
        "appender.file.type": "RollingFile",
        "appender.file.name": "file",
        "appender.file.fileName": LOG,
        "appender.file.filePattern": f"{LOG}.%i",
        "appender.file.layout.type": "PatternLayout",
        "appender.file.layout.pattern": "%d{ISO8601} %p %m (%c{1})%n",
        "appender.file.policies.type": "Policies",
        "appender.file.policies.start.type": "OnStartupTriggeringPolicy",
        "appender.file.policies.size.type": "SizeBasedTriggeringPolicy",
        "appender.file.policies.size.size": "4MB",
        "appender.file.strategy.type": "DefaultRolloverStrategy",
        "appender.file.strategy.max": "3",
        # It logs all settings at each start, and the properties file has them already.
        "logger.config.name": "org.apache.kafka.common.config.AbstractConfig",
        "logger.config.level": "warn",
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def java_command(java: Path, jars: Sequence[Path], heap: str, main: str, *arguments: str) -> list[str]:
    """The command line of the Java class `main`. Serial GC and only the C1 compiler: little memory, a fast start."""
    return [
        str(java),
        f"-Xmx{heap}",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:ErrorFile=java-crash.log",
        "-Djava.awt.headless=true",
        "-Djava.net.preferIPv4Stack=true",
        f"-Dlog4j2.configurationFile={LOG_SETTINGS}",
        "-cp",
        ":".join(str(jar.absolute()) for jar in jars),
        main,
        *arguments,
    ]
