"""The page about topics says what the code says."""

import shlex

from streams.contract.settings import Settings
from streams.contract.topics import TopicSpec, topic_specs
from tests import ROOT

PAGE = (ROOT / "infra" / "deploy" / "topics.md").read_text()
SETTINGS = Settings(replication=3, min_insync=2)


def table(specs: list[TopicSpec]) -> str:
    lines = ["| topic | partitions | settings | written by | read by |", "|---|---|---|---|---|"]
    for spec in specs:
        config = "<br>".join(f"`{name}={value}`" for name, value in spec.config.items())
        users = (", ".join(spec.writers), ", ".join(spec.readers))
        lines.append(f"| `{spec.name}` | {spec.partitions} | {config} | {users[0]} | {users[1]} |")
    return "\n".join(lines)


def command(spec: TopicSpec) -> str:
    config = " ".join(f"--config {name}={value}" for name, value in spec.config.items())
    size = f"--partitions {spec.partitions} --replication-factor {spec.replication}"
    return f"kafka-topics.sh $KAFKA --create --topic {spec.name} {size} {config}"


def test_the_table_has_every_topic_with_all_its_settings() -> None:
    assert table(topic_specs(SETTINGS)) in PAGE


def test_the_commands_create_every_topic_with_all_its_settings() -> None:
    block = PAGE.split("```sh\n")[1].split("```")[0].replace("\\\n", "")
    commands = [shlex.split(line) for line in block.splitlines() if line.startswith("kafka-topics.sh")]
    assert commands == [shlex.split(command(spec)) for spec in topic_specs(SETTINGS)]


def test_the_settings_that_the_table_depends_on_are_named() -> None:
    for name in ("PARTITIONS", "REPLICATION", "MIN_INSYNC", "FRAME_RETENTION_S", "MAX_FRAME_BYTES", "POOL"):
        assert f"`SIGHTSTREAM_{name}`" in PAGE
