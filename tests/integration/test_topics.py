"""The topics of a real Kafka that asks for rights: shown, checked, created, and waited for by gateway and worker."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from click.testing import CliRunner
from starlette.testclient import TestClient

from infra.commands.topics import topics
from infra.local.kafka import configuration, node
from infra.local.kafka.security.administration import (
    ALLOW,
    KINDS,
    LITERAL,
    OPERATIONS,
    CreateRights,
    DeleteRights,
    everything_of,
)
from infra.local.kafka.server import LocalKafka
from infra.local.topic_admin import TopicsWrong, create_topics
from streams.contract.kafka.rights import Kind, Operation
from streams.contract.settings import Settings
from streams.contract.topics import FRAMES, PREDICTIONS, SESSIONS, WORKERS, topic_specs
from web.app import create_app

pytestmark = pytest.mark.broker

# everybody may do everything with what nobody was given a right to
AUTHORIZER = """
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
"""
USER = "ANONYMOUS"
ALL_BUT_CREATE = (7, 8, 9, 10, 11)  # rights to the cluster that the broker, the same user here, needs itself


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A Kafka without topics."""
    found = Settings.from_environ()
    properties = configuration.server_properties
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as runner:
        patch.setattr(node, "server_properties", lambda *given, **more: properties(*given, **more) + AUTHORIZER)
        kafka = LocalKafka(tmp_path_factory.mktemp("topics"), cache=found.cache)
        runner.run(kafka.start())
        try:
            yield found.replace(broker=kafka.bootstrap)
        finally:
            runner.run(kafka.stop())


@pytest.fixture
def created(settings: Settings) -> Settings:
    """A Kafka that has all topics as wanted."""
    asyncio.run(create_topics(settings, topic_specs(settings), own=True))
    return settings


@pytest.fixture
def empty(settings: Settings) -> Settings:
    """A Kafka without topics."""

    async def delete() -> None:
        async with AIOKafkaAdmin(settings) as admin:
            while names := [name for name in await admin.list_topics() if name.startswith("sightstream")]:
                await admin.delete_topics(names)

    asyncio.run(delete())
    return settings


class AIOKafkaAdmin:
    """An administrator's client inside a block."""

    def __init__(self, settings: Settings) -> None:
        self.client = AIOKafkaAdminClient(bootstrap_servers=list(settings.broker))

    async def __aenter__(self) -> AIOKafkaAdminClient:
        await self.client.start()
        return self.client

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()


def configure(settings: Settings, topic: str, **values: str) -> None:
    """Give a topic these settings, and all others the broker's."""

    async def change() -> None:
        async with AIOKafkaAdmin(settings) as admin:
            config = {name.replace("_", "."): value for name, value in values.items()}
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, config)])

    asyncio.run(change())


def allow_only(settings: Settings, kind: Kind, name: str, *operations: int) -> None:
    """Take all rights to a thing except these. Without operations, give all rights to all things back."""

    async def change() -> None:
        client = AIOKafkaClient(bootstrap_servers=list(settings.broker))
        await client.bootstrap()
        acls = [(KINDS[kind], name, LITERAL, f"User:{USER}", "*", each, ALLOW) for each in operations]
        await client.send(
            client.get_random_node(), CreateRights(acls) if acls else DeleteRights([everything_of(USER)])
        )
        await client.close()

    asyncio.run(change())


def lines(settings: Settings, *options: str, until: Callable[[list[str]], bool] = bool, status: int = 1) -> list[str]:
    """What the command says, once that is so: Kafka applies changes a little later."""
    end = time.monotonic() + 10
    while True:
        result = CliRunner().invoke(topics, options, env=settings.to_environ())
        found = result.output.splitlines()
        if (result.exit_code == status and until(found)) or time.monotonic() > end:
            assert result.exit_code == status, result.output
            return found


def test_missing_topics_are_named_created_and_then_as_wanted(empty: Settings) -> None:
    names = [spec.name for spec in topic_specs(empty)]
    missing = lines(empty, "--check")
    assert [line.split(": ")[:3] for line in missing] == [["error", name, "missing; wanted"] for name in names]
    made = lines(empty, "--create", status=0)
    assert made[: len(names)] == [f"created {name}" for name in names]
    assert lines(empty, "--check", status=0) == made[len(names) :]
    assert made[len(names) :] == ["all topics are as wanted, for the gateway and the worker and the operator"]


def test_the_table_has_what_kafka_has(created: Settings) -> None:
    shown = lines(created, status=0)
    [frames] = [line.split() for line in shown if line.startswith(FRAMES)]
    assert frames == [FRAMES, "4", "1", "0", "cleanup.policy=delete"]
    assert any("max.message.bytes=2097152" in line for line in shown)


def test_another_partition_count_is_named_and_nothing_is_created_beside_it(created: Settings) -> None:
    other = created.replace(partitions=8)
    assert not [line for line in lines(other, "--create") if line.startswith("created")]
    wrong = [line for line in lines(other, "--check") if "4 partitions; wanted: 8" in line]
    assert [line.split(": ")[1] for line in wrong] == [FRAMES, PREDICTIONS, SESSIONS]


def test_settings_that_differ_are_named_and_a_stack_on_a_kafka_of_others_does_not_start(created: Settings) -> None:
    configure(created, FRAMES, max_message_bytes="1000", cleanup_policy="compact")
    configure(created, SESSIONS, cleanup_policy="compact,delete", retention_ms="3600000")
    found = lines(created, "--check", until=lambda found: "compact,delete" in str(found))
    for start in (
        f"error: {FRAMES}: cleanup.policy=compact; wanted: delete, ",
        f"error: {FRAMES}: max.message.bytes=1000; wanted: 2097152 or more, ",
        f"error: {SESSIONS}: cleanup.policy=compact,delete with retention.bytes=-1, retention.ms=3600000; wanted: ",
    ):
        assert [line for line in found if line.startswith(start)], found
    with pytest.raises(TopicsWrong, match=rf"{FRAMES}: cleanup\.policy=compact; .*max\.message\.bytes=1000"):
        asyncio.run(create_topics(created, topic_specs(created)))
    # on its own Kafka it changes them
    assert asyncio.run(create_topics(created, topic_specs(created), own=True)) == []
    assert lines(created, "--check", status=0)


def test_rights_that_are_missing_are_named_and_what_may_not_be_seen_is_said(created: Settings) -> None:
    try:
        allow_only(created, Kind.TOPIC, FRAMES, OPERATIONS[Operation.READ])
        allow_only(created, Kind.TOPIC, WORKERS, OPERATIONS[Operation.CREATE])
        allow_only(created, Kind.GROUP, "sightstream", OPERATIONS[Operation.DESCRIBE])
        found = lines(created, "--check", "--role", "worker", until=lambda found: "group" in str(found))
        missing = [line.split("; wanted")[0] for line in found if line.startswith("error")]
        assert missing == [
            f"error: {WORKERS}: no right to Read",
            f"error: {WORKERS}: no right to Write",
            "error: group sightstream: no right to Read",
        ]
        [note] = [line for line in found if line.startswith("note")]
        assert note.startswith(f"note: {FRAMES}: settings not checked; wanted: the right to DescribeConfigs; ")
        found = lines(created, "--check", "--role", "gateway")
        assert f"error: {FRAMES}: no right to Write" in [line.split("; wanted")[0] for line in found]
    finally:
        allow_only(created, Kind.TOPIC, FRAMES)


def test_a_topic_that_this_user_may_not_create_is_one_line(empty: Settings) -> None:
    try:
        allow_only(empty, Kind.CLUSTER, "kafka-cluster", *ALL_BUT_CREATE)
        allow_only(empty, Kind.TOPIC, FRAMES, OPERATIONS[Operation.READ])
        lines(empty, "--check", "--role", "gateway", until=lambda found: "no right to Write" in str(found))
        [line] = lines(empty, "--create")
        assert line.startswith(
            f"Error: the broker refuses to create topic {FRAMES}: User:{USER} has no right to Create; "
        )
        assert f"--operation Create --topic {FRAMES}`" in line
    finally:
        allow_only(empty, Kind.TOPIC, FRAMES)


def test_a_gateway_serves_its_page_while_topics_are_missing_and_says_once_what_it_waits_for(
    empty: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    def until(why: str) -> None:
        end = time.monotonic() + 15
        while why not in (found := client.get("/readyz").text):
            assert time.monotonic() < end, found
            time.sleep(0.05)

    with TestClient(create_app(empty)) as client:
        until(
            "sightstream.frames, sightstream.predictions, sightstream.sessions: missing; wanted: 4 partitions, 1 copy"
        )
        assert client.get("/readyz").status_code == 503
        assert "kafka-" not in client.get("/readyz").text  # commands have addresses in them
        assert client.get("/").status_code == 200
        time.sleep(1.5)  # it looks again
        asyncio.run(create_topics(empty, topic_specs(empty)))
        until("no picture came back from a worker lately")
    said = [each.getMessage() for each in caplog.records if each.name.startswith("streams.contract.kafka.topics")]
    assert [line.count("missing") for line in said] == [1, 1, 0]
    assert said[-1].startswith("Kafka's topics can be used now, after ")


def test_a_worker_whose_partitions_do_not_fit_ends_with_one_line_before_it_loads_a_model(
    created: Settings, tmp_path: Path
) -> None:
    environ = {**os.environ, **created.replace(partitions=8, registry=tmp_path).to_environ()}
    command = [sys.executable, "-m", "faust", "--datadir", str(tmp_path), "-A", "streams.worker", "worker"]
    worker = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert worker.returncode == 1
    [line] = worker.stderr.splitlines()
    assert line.startswith(f"Error: {FRAMES}, {PREDICTIONS}, {SESSIONS}: 4 partitions; wanted: 8, the same for all ")
    assert "; set SIGHTSTREAM_PARTITIONS=4 for all gateways and workers, or " in line
