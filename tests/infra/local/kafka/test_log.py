import os
import signal
import time
from pathlib import Path

from infra.local.kafka.log import Failure, read_failure

TAKEN = """\
2026-01-05T10:47:06,100 INFO starting (KafkaServer)
2026-01-05T10:47:07,838 ERROR Unable to start acceptor for PLAINTEXT (DataPlaneAcceptor)
org.apache.kafka.common.KafkaException: Socket server failed to bind to 127.0.0.1:21092: Address already in use.
\tat kafka.network.Acceptor.openServerSocket(SocketServer.scala:1) ~[kafka_2.13-4.3.1.jar:?]
Caused by: java.net.BindException: Address already in use
\t... 18 more
2026-01-05T10:47:08,005 ERROR Exiting Kafka due to fatal exception during startup. (Kafka$)
java.lang.RuntimeException: Received a fatal error
\tat kafka.Kafka.main(Kafka.scala) ~[kafka_2.13-4.3.1.jar:?]
Caused by: java.net.BindException: Address already in use
2026-01-05T10:47:08,100 INFO App info kafka.server unregistered (AppInfoParser)
"""


def test_taken_port_is_read_from_the_log(tmp_path: Path) -> None:
    (tmp_path / "kafka.log").write_text(TAKEN)

    found = read_failure(tmp_path, since=time.time() - 60)

    assert (found.by_kafka, found.taken_port) == (True, 21092)
    assert found.text == "Exiting Kafka due to fatal exception during startup: BindException: Address already in use"


def test_failure_of_java_is_read_from_its_output(tmp_path: Path) -> None:
    (tmp_path / "console.log").write_text(
        "Picked up JAVA_TOOL_OPTIONS: -Dx=y\n"
        "OpenJDK 64-Bit Server VM warning: old option\n"
        "Error occurred during initialization of VM\nToo small maximum heap\n"
    )

    found = read_failure(tmp_path, since=time.time() - 60)

    assert found == Failure("Error occurred during initialization of VM: Too small maximum heap")


def test_a_node_that_was_killed_may_have_wanted_memory(tmp_path: Path) -> None:
    assert "perhaps for want of memory" in read_failure(tmp_path, since=0, code=-signal.SIGKILL).text


def test_error_of_an_earlier_start_is_not_reported_again(tmp_path: Path) -> None:
    (tmp_path / "kafka.log").write_text(TAKEN)
    os.utime(tmp_path / "kafka.log", (1000, 1000))

    assert read_failure(tmp_path, since=2000) == Failure("it logged no error")
