"""A stack whose Kafka only known users can use: from a picture to its label, and what each user cannot do."""

import asyncio
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from aiokafka.conn import create_conn
from aiokafka.errors import TopicAuthorizationFailedError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.produce import ProduceRequest

from infra.client.client import Client
from infra.client.trust import pinned
from infra.local.kafka.security.administration import administer
from infra.local.kafka.security.users import Users
from infra.local.own_certificate import OwnCertificate, own_certificate
from infra.local.ports import free_port
from infra.local.readiness import sample_picture
from streams.contract.kafka.connections import NoConnection, check_connection
from streams.contract.kafka.rights import RIGHTS, Kind, Operation, Right
from streams.contract.settings import Settings
from streams.contract.topics import PREDICTIONS, WORKERS, Role
from tests.running_stack import RunningStack, running_stack

pytestmark = pytest.mark.broker

TIMEOUT_S = 90.0


class SecureStack:
    """A stack that is ready, over HTTPS, with two gateways, and those who may use its Kafka."""

    def __init__(self, running: RunningStack, own: OwnCertificate) -> None:
        self.running = running
        self.trust = pinned(own.certificate)
        self.users = Users(running.folder / "kafka", Settings(), "TMPDIR")
        [self.broker] = self.settings("operator").broker
        ports = json.loads((running.folder / "kafka" / "ports.json").read_text())
        self.inner = f"127.0.0.1:{ports['nodes']}"

    def settings(self, role: str, **changes: str) -> Settings:
        """Those of a process that is started by hand, from the folder of its user."""
        files = {each.name: each.read_text() for each in (self.users.folder / role).iterdir()}
        return Settings().replace(
            **{name.removeprefix("sightstream_"): text for name, text in files.items()} | changes
        )

    def log(self, name: str) -> str:
        return (self.running.folder / "logs" / f"{name}.log").read_text()

    def secrets(self) -> set[str]:
        return {*self.users.passwords().values(), (self.running.folder / "secret").read_text().strip()}

    def files_with_secrets(self) -> list[str]:
        """Logs, output and all other files with a secret in them, except those in which the secrets are kept."""
        folder, secrets = self.running.folder, [each.encode() for each in self.secrets()]
        kept = {self.users.folder / role / "sightstream_kafka_password" for role in Role} | {folder / "secret"}
        files = [each for each in folder.rglob("*") if each.is_file() and each not in kept]
        return [str(each) for each in files if any(secret in each.read_bytes() for secret in secrets)]

    def readyz(self, url: str) -> dict[str, Any]:
        with httpx2.Client(verify=self.trust) as http:
            return dict(http.get(f"{url}/readyz").json())

    def give(self, owned: Mapping[str, Sequence[Right]]) -> None:
        """Give these users these rights and no others."""
        passwords = {role: self.users.passwords()[role] for role in owned}
        asyncio.run(administer(self.inner, self.users.identity.context(), passwords, owned))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> OwnCertificate:
    return own_certificate(tmp_path_factory.mktemp("tls"), ["127.0.0.1"], "TMPDIR")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, own: OwnCertificate) -> Iterator[SecureStack]:
    options = ("--secure", "--gateways", "2", "--model", "efficientnet_lite0", "--tls-cert", str(own.certificate))
    with running_stack(tmp_path_factory.mktemp("secure"), *options) as running:
        yield SecureStack(running, own)


def wait_until(what: str, condition: Any) -> None:
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def test_each_gateway_answers_pictures_over_https(stack: SecureStack) -> None:
    assert len(stack.running.urls) == 2
    for websocket in stack.running.websockets:
        assert websocket.startswith("wss://")
        client = Client(websocket, sample_picture, trust=stack.trust)
        counts = asyncio.run(client.run(20.0))
        assert (counts.sent, counts.answered) == (1, 1)


def test_no_port_of_kafka_is_open_to_a_program_without_user_and_certificate(stack: SecureStack) -> None:
    [java] = stack.running.processes("kafka.Kafka")
    ports = {each.laddr.port for each in java.net_connections("tcp") if each.status == psutil.CONN_LISTEN}
    assert len(ports) == 3
    anyone = {"kafka_user": "", "kafka_password": ""}
    for port in ports:
        for protocol in ("PLAINTEXT", "SSL"):
            settings = stack.settings("worker", broker=f"127.0.0.1:{port}", kafka_security=protocol, **anyone)
            with pytest.raises(NoConnection):
                asyncio.run(check_connection(settings))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"kafka_password": "opensesame"}, "refuses the user 'worker': check SIGHTSTREAM_KAFKA_USER and "),
        ({"kafka_user": "nobody"}, "refuses the user 'nobody': check SIGHTSTREAM_KAFKA_USER and "),
        ({"kafka_sasl": "PLAIN"}, "does not take PLAIN: set SIGHTSTREAM_KAFKA_SASL "),
        ({"kafka_ca": "other"}, "shows a certificate that is not trusted ("),
        ({"kafka_ca": ""}, "shows a certificate that is not trusted ("),
        ({"broker": "127.1"}, "shows a certificate that does not name '127.1': "),
        ({"kafka_security": "PLAINTEXT"}, "closes connections at once: check that this port is for "),
        ({"kafka_security": "SASL_PLAINTEXT"}, "closes connections at once: check that this port is for "),
        ({"kafka_security": "SSL"}, "closes connections at once: check that this port is for "),
    ],
)
def test_each_wrong_setting_is_one_line_with_the_broker_and_what_to_check(
    stack: SecureStack, own: OwnCertificate, changes: dict[str, str], line: str
) -> None:
    if changes.get("kafka_ca"):
        changes = {"kafka_ca": str(own.authority)}
    if "broker" in changes:  # another way to write this address
        changes = {"broker": stack.broker.replace("127.0.0.1", changes["broker"])}
    with pytest.raises(NoConnection) as raised:
        asyncio.run(check_connection(settings := stack.settings("worker", **changes)))
    assert str(raised.value).startswith(f"Kafka at {settings.broker[0]} {line}")
    assert "\n" not in str(raised.value)
    assert "opensesame" not in str(raised.value)
    assert stack.users.passwords()["worker"] not in str(raised.value)


def test_a_command_with_a_wrong_password_ends_with_one_line(stack: SecureStack, tmp_path: Path) -> None:
    folder = stack.users.folder / "operator"
    environ = os.environ | {"SIGHTSTREAM_SECRETS_DIR": str(folder), "SIGHTSTREAM_KAFKA_PASSWORD": "opensesame"}
    command = [sys.executable, "-m", "infra.commands", "up", "--port", "0", "--data-dir", str(tmp_path)]
    ended = subprocess.run(
        [*command, "--model", "efficientnet_lite0", "--broker", stack.broker],
        env=environ,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert ended.returncode == 1
    [line] = [each for each in ended.stderr.splitlines() if "Error" in each or "Kafka" in each]
    assert line.startswith(f"Error: Kafka at {stack.broker} refuses the user 'operator': check ")
    assert "opensesame" not in ended.stderr + ended.stdout


async def denied(settings: Settings, topics: Sequence[str], groups: Sequence[str]) -> set[tuple[str, Operation]]:
    """What Kafka refuses to this user. It says so before it finds that there are no such records and members."""
    host, port = settings.broker[0].rsplit(":", 1)
    context = ssl.create_default_context(cafile=settings.kafka_ca)
    connection = await create_conn(
        host,
        int(port),
        security_protocol="SASL_SSL",
        ssl_context=context,
        sasl_mechanism=settings.kafka_sasl,
        sasl_plain_username=settings.kafka_user,
        sasl_plain_password=settings.kafka_password,
    )
    refused = set()
    try:
        for topic in topics:
            read = FetchRequest(0, 0, 1, 0, [(topic, [(0, 2**60, 1)])])
            write = ProduceRequest(None, 1, 1000, [(topic, [(0, b"")])])
            for operation, request in ((Operation.READ, read), (Operation.WRITE, write)):
                [(_, [(_, code, *_)])] = (await connection.send(request)).topics
                if code == TopicAuthorizationFailedError.errno:
                    refused.add((topic, operation))
        for group in groups:
            if (await connection.send(HeartbeatRequest(group, 0, "nobody"))).error_code == 30:
                refused.add((group, Operation.READ))
    finally:
        connection.close()
    return refused


@pytest.mark.parametrize("role", Role)
def test_each_user_may_do_what_its_role_needs_and_nothing_else(stack: SecureStack, role: Role) -> None:
    topics = [each.name for each in RIGHTS[Role.OPERATOR] if each.kind == Kind.TOPIC]
    groups = [each.name for each in RIGHTS[Role.OPERATOR] if each.kind == Kind.GROUP]
    allowed = {(each.name, operation) for each in RIGHTS[role] for operation in each.operations}
    possible = {(topic, each) for topic in topics for each in (Operation.READ, Operation.WRITE)}
    possible |= {(group, Operation.READ) for group in groups}
    assert asyncio.run(denied(stack.settings(role), topics, groups)) == possible - allowed


def test_a_right_that_is_taken_away_is_one_line_and_given_back_needs_no_restart(stack: SecureStack) -> None:
    pids = {each.pid for each in stack.running.processes("infra.commands gateway")}
    before = {name: len(stack.log(name).splitlines()) for name in ("gateway-1", "gateway-2", "worker-1")}
    others = [each for each in RIGHTS[Role.WORKER] if each.name != PREDICTIONS]
    worker = (*others, Right(Kind.TOPIC, PREDICTIONS, (Operation.READ,)))
    gateway = tuple(each for each in RIGHTS[Role.GATEWAY] if each.name != WORKERS)
    stack.give({"worker": worker, "gateway": gateway})
    needed = {"gateway-1": "where it needs Read:", "worker-1": "where it needs Read and Write:"}
    for name, needs in needed.items():
        user, topic = name.split("-")[0], WORKERS if "gateway" in name else PREDICTIONS
        line = f"Kafka does not let the user '{user}' use the topic {topic}, {needs} give these rights, see "
        wait_until(line, lambda name=name, line=line: line in stack.log(name))
    url = stack.running.url
    wait_until("the reason at /readyz", lambda: "does not let the user 'gateway'" in stack.readyz(url).get("why", ""))
    time.sleep(3)  # many more tries
    for name, count in before.items():
        lines = stack.log(name).splitlines()[count:]
        said = [each for each in lines if "does not let" in each]
        assert len(said) == len({each.split("Kafka does not let")[1] for each in said})
        assert [each for each in lines if "Traceback" in each or "uthorization" in each] == []
    assert stack.files_with_secrets() == []
    stack.give(RIGHTS)
    for each in stack.running.urls:
        wait_until("ready again", lambda url=each: stack.readyz(url)["ready"])
    assert {each.pid for each in stack.running.processes("infra.commands gateway")} == pids


def test_no_secret_is_where_others_could_read_it(stack: SecureStack) -> None:
    folder = stack.running.folder
    shown = [" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])]
    for option in ([], ["--json"]):
        environ = os.environ | {"SIGHTSTREAM_SECRETS_DIR": str(stack.users.folder / "worker")}
        command = [sys.executable, "-m", "infra.commands", "settings", *option]
        ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        shown.append(ended.stdout + ended.stderr)
    assert [text for text in shown if any(each in text for each in stack.secrets())] == []
    assert stack.files_with_secrets() == []
    private = [
        *(folder / "kafka" / "users").rglob("*"),
        *(folder / "kafka" / "tls").rglob("*"),
        *folder.glob("logs/*"),
    ]
    assert len(private) > 20
    assert [str(each) for each in private if each.stat().st_mode & 0o077] == []


def test_a_process_has_no_password_but_its_own(stack: SecureStack) -> None:
    passwords = stack.users.passwords()
    for role, command in (("gateway", "infra.commands gateway"), ("worker", "streams.worker")):
        for process in stack.running.processes(command):
            found = {name for name, each in passwords.items() if each in process.environ().values()}
            assert found == {role}


@pytest.mark.parametrize(
    ("role", "command"),
    [
        (Role.GATEWAY, ["infra.commands", "gateway"]),
        (Role.WORKER, ["faust", "-A", "streams.worker", "worker", "-l", "info"]),
    ],
)
def test_a_process_with_a_wrong_password_waits_and_says_so_once(
    stack: SecureStack, tmp_path: Path, role: Role, command: list[str]
) -> None:
    port = free_port("127.0.0.1", 0)
    environ = os.environ | {
        "SIGHTSTREAM_SECRETS_DIR": str(stack.users.folder / role),
        "SIGHTSTREAM_KAFKA_PASSWORD": "opensesame",
        "SIGHTSTREAM_MODELS": "efficientnet_lite0",
        "SIGHTSTREAM_PORT": str(port),
    }
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen([sys.executable, "-m", *command], env=environ, stdout=output, stderr=output)
    try:
        line = f"Kafka at {stack.broker} refuses the user '{role}': check SIGHTSTREAM_KAFKA_USER and "
        wait_until(line, lambda: line in log.read_text() or process.poll() is not None)
        time.sleep(3)  # some more tries
        assert process.poll() is None, log.read_text()
        said = log.read_text()
        assert said.count(line) == 1
        assert "Traceback" not in said
        assert "opensesame" not in said
        if role == Role.GATEWAY:
            assert line in httpx2.get(f"http://127.0.0.1:{port}/readyz").json()["why"]
    finally:
        process.terminate()
        process.wait(20)
