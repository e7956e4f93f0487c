"""What `sightstream up` finds out before it starts a process."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.commands.__main__ import main
from infra.commands.up import remarks_on_tls
from infra.local.own_certificate import own_certificate
from infra.local.stack import Stack
from tests import ROOT
from tests.fakes.bundles import write_bundle
from tests.fakes.disks import small_disk


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a bundle. A process that is started is a failure."""

    def started(*arguments: object, **_: object) -> None:
        pytest.fail(f"{arguments} was started")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", started)
    monkeypatch.chdir(tmp_path)
    write_bundle(tmp_path / "bundle")
    (tmp_path / "bad.weights.h5").write_text("no weights")
    return tmp_path


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def complaint(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["up", "--data-dir", "data", *arguments])
    assert result.exit_code in {1, 2}, result.output
    return result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--model", "nonsense"], "'nonsense' is no bundle folder"),
        (["--model", "efficientnet_lite"], "did you mean efficientnet_lite"),
        (["--model", "./gone"], "'./gone' is no bundle folder"),
        (["--model", "data"], "data is no bundle: bundle.json cannot be read"),
        (["--model", "bundle", "--model", "nonsense"], "'nonsense' is no bundle folder"),
        (["--model", "inception_v3", "--weights", "bad.weights.h5"], "bad.weights.h5 is no .weights.h5"),
        (["--model", "bundle", "--weights", "bad.weights.h5"], "is a bundle, which has its weights"),
        (["--secure", "--broker", "kafka:9092"], "--secure is for the Kafka that this command starts"),
        (["--host", "a b"], "SIGHTSTREAM_HOST='a b' must be the name or the IP address"),
        (["--host", "192.0.2.1"], "192.0.2.1 is no address of this machine"),
        (["--tls-cert", "bundle/bundle.json"], "bundle.json is no certificate: it has no certificate in PEM form"),
        (["--tls-cert", "gone.pem", "--tls-key", "gone.key"], "gone.pem cannot be read (No such file or directory)"),
        (["--no-tls", "--tls-cert", "gone.pem"], "--no-tls and a certificate exclude each other"),
        (["--port", "65536"], "65536 is not in the range"),
        (["--port", "eighty"], "'eighty' is not a valid integer"),
        (["--broker", "::1:9092"], "SIGHTSTREAM_BROKER='::1:9092' must be HOST:PORT"),
        (["--broker", ""], "SIGHTSTREAM_BROKER='' must name at least one"),
        (["--brokers", "2"], "Kafka has 1 node, or 3 that go on without one of them, and not 2"),
        (["--brokers", "3", "--broker", "127.0.0.1:9092"], "--broker uses an existing one: give only one of them"),
        (["--gateways", "0"], "0 is not in the range"),
    ],
)
def test_what_cannot_work_is_said_before_anything_starts(folder: Path, arguments: list[str], line: str) -> None:
    (folder / "data").mkdir()
    assert line in complaint("--port", "0", *arguments)


@pytest.mark.usefixtures("folder")
def test_an_unknown_engine_is_said_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTSTREAM_ENGINE", "abacus")
    assert complaint() == "Error: SIGHTSTREAM_ENGINE='abacus' must be one of openvino, tensorflow"


@pytest.mark.usefixtures("folder")
def test_a_port_in_use_is_said_before_anything_starts(taken: int) -> None:
    assert f"port {taken} of 127.0.0.1 cannot be used" in complaint("--model", "bundle", "--port", str(taken))


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("broker", ["127.0.0.1:1", "[::1]:1", "nowhere.invalid:9092"])
def test_a_broker_that_cannot_be_reached_is_named(broker: str) -> None:
    assert f"Kafka at {broker} does not answer (" in complaint("--model", "bundle", "--port", "0", "--broker", broker)


@pytest.mark.usefixtures("folder")
def test_a_server_that_is_no_kafka_is_named_within_a_bounded_time(
    taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.topic_admin.BROKER_TIMEOUT_S", 0.5)
    line = complaint("--model", "bundle", "--port", "0", "--broker", f"127.0.0.1:{taken}")
    assert f"no Kafka answers at 127.0.0.1:{taken} within" in line


def made_stack(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: object) -> Stack:
    """The stack that `up` would run. It has made its certificate, and starts nothing."""
    made: list[Stack] = []

    async def note(stack: Stack, on_ready: object) -> None:
        if stack.makes_certificate:
            stack.make_certificate()
        made.append(stack)

    monkeypatch.setattr(Stack, "run_until_signal", note)
    result = CliRunner().invoke(main, ["up", "--port", "0", "--data-dir", str(folder), *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return made[0]


def test_a_page_for_other_devices_has_tls_and_what_to_do_there_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stack = made_stack(monkeypatch, tmp_path, "--host", "0.0.0.0")
    assert (stack.url.split(":")[0], stack.settings.tls_cert) == ("https", str(tmp_path / "tls" / "gateway.pem"))
    phone, install = remarks_on_tls(stack)
    assert f"open {stack.page_urls[0]} and accept the warning" in phone
    assert stack.page_urls[0].startswith("https://")
    assert f"{stack.page_urls[0]}/ca.crt" in install
    assert stack.certificate
    assert stack.certificate.fingerprint in install


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_a_page_for_this_machine_alone_needs_no_tls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str
) -> None:
    stack = made_stack(monkeypatch, tmp_path, "--host", host)
    assert (stack.url.split(":")[0], remarks_on_tls(stack)) == ("http", [])
    assert not (tmp_path / "tls").exists()


def test_without_tls_other_devices_have_no_camera_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SIGHTSTREAM_TLS_CERT", "gone.pem")
    stack = made_stack(monkeypatch, tmp_path, "--host", "0.0.0.0", "--no-tls")
    assert stack.page_urls[0].startswith("http://")
    [line] = remarks_on_tls(stack)
    assert "their browsers give no camera" in line


def test_an_own_certificate_is_used_on_every_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = own_certificate(tmp_path, ["vision.example"], "--data-dir")
    for host in ("127.0.0.1", "0.0.0.0"):
        stack = made_stack(monkeypatch, tmp_path, "--host", host, "--tls-cert", own.certificate)
        assert (stack.makes_certificate, remarks_on_tls(stack)) == (False, [])
        assert stack.page_urls[0].startswith("https://vision.example:")


def refused(*arguments: object) -> str:
    result = CliRunner().invoke(main, ["up", "--port", "0", *map(str, arguments)])
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (1, "", 1)
    return result.stderr


@pytest.mark.parametrize("below", ["file/data", "file/deeper/data", "link/data"])
def test_data_folder_that_cannot_be_made_is_named(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    said = refused("--data-dir", tmp_path / below)
    assert said.startswith(f"Error: {tmp_path / below} cannot be written ({tmp_path / below.split('/')[0]} is ")
    assert said.endswith("name another place with --data-dir\n")
    assert {each.name for each in tmp_path.iterdir()} == {"file", "link"}


def test_disk_that_is_too_small_or_full_is_named(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        assert "2.1 MB are free, 8.0 MB are needed): make room there" in refused("--data-dir", disk / "data")
        (disk / "other").write_bytes(bytes(2 * 1024 * 1024))
        assert "No space left on device" in refused("--data-dir", disk / "data")
        assert {each.name for each in disk.iterdir()} == {"other"}


@pytest.mark.parametrize(
    ("command", "setting"),
    [
        (("up", "--port", "0"), "--data-dir"),
        (("classify", "web/static/samples/cat.jpg"), "SIGHTSTREAM_CACHE"),
        (("evaluate", "efficientnet_lite0", "web/static"), "SIGHTSTREAM_CACHE"),
        (("train", "web/static", "--out", "{out}"), "SIGHTSTREAM_CACHE"),
    ],
)
def test_read_only_home_is_one_line_with_the_setting_to_use(
    tmp_path: Path, command: tuple[str, ...], setting: str
) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "SIGHTSTREAM_"))}
    command = tuple(each.format(out=tmp_path / "out") for each in command)
    with small_disk(tmp_path / "home", "ro") as home:
        done = subprocess.run(
            [sys.executable, "-m", "infra.commands", *command],
            env=environ | {"HOME": str(home)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: {home}/.")
    assert done.stderr.endswith(f"cannot be written (Read-only file system): name another place with {setting}\n")
    assert len(done.stderr.splitlines()) == 1
