"""What the local broker is told: its server.properties, its log settings, its Java command line."""

from collections.abc import Sequence
from pathlib import Path

HOST = "127.0.0.1"
NODE = 1
# Every path the server sees is relative to its folder, its working directory: no name that a person gives a folder
# (a comma, a space, an accent) has to survive a properties file.
DATA = "data"
SERVER_PROPERTIES = "server.properties"
LOG_SETTINGS = "log4j2.properties"
LOG = "kafka.log"
CONSOLE = "console.log"


def server_properties(port: int, controller_port: int, data: str = DATA) -> str:
    """One node that is broker and controller, on loopback only."""
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": NODE,
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        # A static quorum: the controller's port is not written into the data, so it may change between starts.
        "controller.quorum.voters": f"{NODE}@{HOST}:{controller_port}",
        "log.dirs": data,
        # One node holds the only copy of everything.
        "default.replication.factor": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "auto.create.topics.enable": "false",
        # A group forms at once (3 s by default), and a worker may ask for a short session.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        # After a kill -9 the controller keeps the former broker's place this long: 9 s by default.
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 500,
        # Half-second entries in the metadata log are for a quorum of several.
        "metadata.max.idle.interval.ms": 10_000,
        # Retention of minutes needs a check more often than every five.
        "log.retention.check.interval.ms": 15_000,
        "log.segment.delete.delay.ms": 5000,
        "log.cleaner.backoff.ms": 15_000,
        # Small enough for a small heap: the cleaner alone would take 128 MB of it.
        "log.cleaner.dedupe.buffer.size": 8 * 2**20,
        "log.index.size.max.bytes": 2**20,
        "socket.request.max.bytes": 16 * 2**20,
        "num.network.threads": 2,
        "num.io.threads": 2,
        "num.replica.fetchers": 1,
        "background.threads": 2,
        "group.coordinator.threads": 1,
        "share.coordinator.threads": 1,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def log_settings() -> str:
    """Log4j2: one file for each start, 4 MB at most, the three before it kept."""
    settings = {
        "status": "warn",
        # Else log4j ends before Kafka does, and the last words of a stop start another file.
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
        # Every setting at every start: they are in the properties file.
        "logger.config.name": "org.apache.kafka.common.config.AbstractConfig",
        "logger.config.level": "warn",
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def java_command(java: Path, jars: Sequence[Path], heap: str, main: str, *arguments: str) -> list[str]:
    """The command line of `main`, for the broker's folder. Serial GC and C1 alone: little memory, soon up."""
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
