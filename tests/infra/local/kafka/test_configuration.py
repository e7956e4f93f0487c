from pathlib import Path

import pytest

from infra.local.kafka.configuration import Ports, java_command, log_settings, server_properties

ONE = {1: Ports(20_001, 20_002)}
THREE = {1: Ports(20_001, 20_002), 2: Ports(20_003, 20_004), 3: Ports(20_005, 20_006)}


def read(properties: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in properties.splitlines())


def test_broker_listens_on_loopback_only() -> None:
    settings = read(server_properties(1, ONE))

    for name in ("listeners", "advertised.listeners"):
        assert {part.split("://")[1].split(":")[0] for part in settings[name].split(",")} == {"127.0.0.1"}
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:20002"


@pytest.mark.parametrize(("ports", "copies", "in_sync"), [(ONE, "1", "1"), (THREE, "3", "2")])
def test_every_topic_has_a_copy_on_each_broker_and_goes_on_without_one_of_three(
    ports: dict[int, Ports], copies: str, in_sync: str
) -> None:
    settings = read(server_properties(1, ports))

    factors = {name: value for name, value in settings.items() if name.endswith("replication.factor")}
    least = {name: value for name, value in settings.items() if name.endswith((".isr", "insync.replicas"))}
    assert set(factors.values()) == {copies}
    assert set(least.values()) == {in_sync}
    assert {"default.replication.factor", "offsets.topic.replication.factor"} <= set(factors)
    assert {"min.insync.replicas", "transaction.state.log.min.isr"} <= set(least)


def test_each_node_has_its_own_number_and_ports_and_knows_the_controllers_of_all() -> None:
    first, third = (read(server_properties(number, THREE)) for number in (1, 3))

    assert (first["node.id"], third["node.id"]) == ("1", "3")
    assert third["listeners"] == "PLAINTEXT://127.0.0.1:20005,CONTROLLER://127.0.0.1:20006"
    assert first["controller.quorum.voters"] == third["controller.quorum.voters"]
    assert third["controller.quorum.voters"] == "1@127.0.0.1:20002,2@127.0.0.1:20004,3@127.0.0.1:20006"


def test_groups_form_at_once_and_topics_are_not_created_by_themselves() -> None:
    settings = read(server_properties(1, ONE))

    assert settings["group.initial.rebalance.delay.ms"] == "0"
    assert settings["auto.create.topics.enable"] == "false"


def test_no_folder_name_reaches_a_properties_file() -> None:
    assert read(server_properties(1, ONE))["log.dirs"] == "data"
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
