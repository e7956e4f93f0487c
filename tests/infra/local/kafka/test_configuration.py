from pathlib import Path

from infra.local.kafka.configuration import java_command, log_settings, server_properties


def read(properties: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in properties.splitlines())


def test_broker_listens_on_loopback_only() -> None:
    settings = read(server_properties(20_001, 20_002))

    for name in ("listeners", "advertised.listeners"):
        assert {part.split("://")[1].split(":")[0] for part in settings[name].split(",")} == {"127.0.0.1"}
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:20002"


def test_one_broker_has_one_copy_of_each_topic() -> None:
    settings = read(server_properties(20_001, 20_002))

    copies = {name: value for name, value in settings.items() if "replication.factor" in name or "min.isr" in name}
    assert set(copies.values()) == {"1"}
    assert {"offsets.topic.replication.factor", "transaction.state.log.min.isr"} <= set(copies)


def test_groups_form_at_once_and_topics_are_not_created_by_themselves() -> None:
    settings = read(server_properties(20_001, 20_002))

    assert settings["group.initial.rebalance.delay.ms"] == "0"
    assert settings["auto.create.topics.enable"] == "false"


def test_no_folder_name_reaches_a_properties_file() -> None:
    assert read(server_properties(20_001, 20_002))["log.dirs"] == "data"
    assert read(log_settings())["appender.file.fileName"] == "kafka.log"


def test_log_is_bounded() -> None:
    settings = read(log_settings())

    assert settings["appender.file.policies.size.size"] == "4MB"
    assert settings["appender.file.strategy.max"] == "3"


def test_java_runs_the_named_class_with_exactly_the_given_jars() -> None:
    command = java_command(
        Path("/j/java"), [Path("/c/a.jar"), Path("/c/b.jar")], "256m", "kafka.Kafka", "x.properties"
    )

    assert command[0] == "/j/java"
    assert command[-4:] == ["-cp", "/c/a.jar:/c/b.jar", "kafka.Kafka", "x.properties"]
    assert "-Xmx256m" in command
