import socket
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from infra.commands.topics import size, topics
from streams.contract.settings import Settings
from streams.contract.topics import topic_specs
from tests.fakes.topic_states import as_wanted


def run(*options: str) -> Result:
    return CliRunner().invoke(topics, options)


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("options", [(), ("--check",), ("--create",)])
@pytest.mark.parametrize("broker", ["127.0.0.1:1", "nowhere.invalid:9092"])
def test_a_kafka_that_cannot_be_reached_is_one_line(broker: str, options: tuple[str, ...]) -> None:
    result = run("--broker", broker, *options)
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert result.output.startswith(f"Error: Kafka at {broker} does not answer (")


def test_a_server_that_is_no_kafka_is_one_line_in_time(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.topic_admin.BROKER_TIMEOUT_S", 0.3)
    result = run("--broker", silent)
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert f"no Kafka answers at {silent} within" in result.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--check", "--create"), "--check and --create exclude each other"),
        (("--broker", "http://kafka:9092"), "SIGHTSTREAM_BROKER='http://kafka:9092' must be HOST:PORT"),
        (("--role", "king"), "is not one of 'gateway', 'worker', 'operator'"),
    ],
)
def test_options_that_cannot_be_used_are_one_line(options: tuple[str, ...], said: str) -> None:
    result = run(*options)
    assert (result.exit_code != 0, result.output.count("\n")) == (True, 1)
    assert said in result.output


def test_a_broker_that_is_away_counts_where_it_has_copies() -> None:
    specs = topic_specs(Settings(replication=3))
    assert size(as_wanted(specs, brokers=2)) == 3
    assert size(as_wanted(topic_specs(Settings()), brokers=2)) == 2
    assert size(as_wanted([], brokers=0)) == 1
