"""The gateway as a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner

from infra.client.trust import trusted
from infra.commands.gateway import gateway
from infra.local.own_certificate import own_certificate
from infra.local.ports import free_port
from web.views.static_files import version


@contextmanager
def running(folder: Path, *options: str, authority: Path | None = None) -> Iterator[str]:
    """A gateway without Kafka, over HTTPS if its ``authority`` is given; yields its address once it answers."""
    port = free_port("127.0.0.1", 0)
    settings = {"SIGHTSTREAM_PORT": str(port), "SIGHTSTREAM_BROKER": "127.0.0.1:1"}
    command = [sys.executable, "-m", "infra.commands", "gateway", *options]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **settings})
    try:
        url = f"{'https' if authority else 'http'}://127.0.0.1:{port}"
        end = time.monotonic() + 30
        while True:
            try:
                httpx2.get(f"{url}/healthz", verify=trusted(authority))
                break
            except httpx2.TransportError:
                assert time.monotonic() < end, (folder / "log").read_text()
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def test_it_is_served_under_a_root_path_and_believes_no_header(tmp_path: Path) -> None:
    with running(tmp_path, "--root-path", "/vision") as url:
        for path in ("", "/vision"):
            page = httpx2.get(f"{url}{path}/")
            assert page.status_code == 200
            assert f'"/vision/static/{version()}/webcam/page.js"' in page.text
        forged = {"X-Forwarded-Prefix": "/evil", "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "https"}
        redirect = httpx2.get(f"{url}/vision", headers={**forged, "Host": "evil.test"})
        assert (redirect.status_code, redirect.headers["location"]) == (307, "/vision/")
        assert "evil" not in httpx2.get(f"{url}/", headers=forged).text


def test_it_is_served_over_https_with_a_certificate(tmp_path: Path) -> None:
    own = own_certificate(tmp_path / "tls", ["127.0.0.1"], "--data-dir")
    with running(tmp_path, "--tls-cert", str(own.certificate), authority=own.authority) as url:
        assert httpx2.get(f"{url}/", verify=trusted(own.authority)).status_code == 200
        assert httpx2.get(f"{url.replace('https', 'http')}/ops").headers["location"] == f"{url}/ops"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--tls-cert", "gone.pem"], "gone.pem cannot be read (No such file or directory)"),
        (["--tls-key", "key.pem"], "key.pem is a key without a certificate: name that, too, with --tls-cert"),
        (["--tls-cert", "text.pem"], "text.pem is no certificate: it has no certificate in PEM form"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.pem").write_text("text")
    result = CliRunner().invoke(gateway, options)
    assert (result.exit_code, len(result.output.splitlines())) == (1, 1)
    assert why in result.output
    monkeypatch.setenv("SIGHTSTREAM_TLS_CA", "text.pem")
    assert "text.pem is no certificate" in CliRunner().invoke(gateway).output


@pytest.mark.parametrize("path", ["//evil.test", "vision", "/a b", "/ops"])
def test_a_root_path_that_cannot_be_used_is_one_line(path: str) -> None:
    result = CliRunner().invoke(gateway, ["--root-path", path])
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: SIGHTSTREAM_ROOT_PATH={path!r} is ")
    assert len(result.output.splitlines()) == 1


def test_an_authority_of_kafka_that_is_missing_is_said_before_the_gateway_listens() -> None:
    environ = {"SIGHTSTREAM_KAFKA_SECURITY": "SSL", "SIGHTSTREAM_KAFKA_CA": "/nowhere/ca.pem"}
    result = CliRunner().invoke(gateway, env=environ)
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: SIGHTSTREAM_KAFKA_CA='/nowhere/ca.pem' cannot be read: No such file or directory\n"
    )
