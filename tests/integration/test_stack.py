"""The whole stack, started and stopped with `sightstream up`."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from infra.local.own_certificate import own_certificate
from models.bundle import Bundle
from tests import SAMPLES
from tests.running_stack import RunningStack, all_end, running_stack

pytestmark = pytest.mark.broker


def sightstream(*arguments: str | Path, code: int = 0) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "infra.commands", *map(str, arguments)], capture_output=True, text=True, timeout=300
    )
    assert run.returncode == code, run.stderr
    return run.stdout if code == 0 else run.stderr


def stream(stack: RunningStack, *arguments: str | Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(sightstream("stream", "--url", stack.websocket, "--json", *arguments))
    for each in [report, *report["sessions"]]:
        assert each["sent"] == each["answered"] + sum(each["dropped"].values()) + each["expired"]
    return report


def test_ready_line_has_the_label_of_the_sample_picture(stack: RunningStack) -> None:
    assert "cat.jpg: " in stack.ready_line
    assert "cat" in stack.ready_line.split("cat.jpg: ")[1]
    assert stack.ready_line.endswith(" ms")
    assert len(stack.ready_line.splitlines()) == 1


def test_all_processes_listen_only_on_loopback(stack: RunningStack) -> None:
    listening = [
        each.laddr.ip
        for process in stack.processes()
        for each in process.net_connections("inet")
        if each.status == "LISTEN"
    ]
    assert listening
    assert {ip.removeprefix("::ffff:") for ip in listening} <= {"127.0.0.1", "::1"}


def test_health_and_readiness_answer(stack: RunningStack) -> None:
    assert httpx2.get(f"{stack.url}/healthz").status_code == 200
    assert httpx2.get(f"{stack.url}/readyz").json()["ready"]


def test_each_picture_that_is_streamed_once_is_answered(stack: RunningStack) -> None:
    report = stream(stack, "--once", SAMPLES)
    labels = {Path(path).name: top["label"] for path, top in report["files"].items()}
    assert report["answered"] >= 2
    assert "cat" in labels["cat.jpg"]
    assert labels["coffee.jpg"] in {"espresso", "cup", "coffee mug"}


def test_streaming_gives_the_labels_that_classify_gives(stack: RunningStack, data: Path) -> None:
    photos = sorted((data / "photos").glob("*.jpg"))
    lines = sightstream("classify", "--json", *photos).splitlines()
    classified = {each["file"]: each["labels"][0]["index"] for each in map(json.loads, lines)}
    streamed = {path: top["index"] for path, top in stream(stack, "--once", *photos)["files"].items()}
    assert streamed.keys() == classified.keys()
    same = sum(streamed[path] == classified[path] for path in classified)
    assert same >= 0.99 * len(photos)


def test_a_session_chooses_its_model(stack: RunningStack) -> None:
    report = stream(stack, "--once", "--model", "efficientnet_lite0", SAMPLES)
    assert report["model"] == "efficientnet_lite0"
    assert report["version"] != stream(stack, "--once", SAMPLES)["version"]


def test_many_sessions_at_once_get_an_outcome_for_every_frame(stack: RunningStack) -> None:
    report = stream(stack, "--sessions", "8", "--seconds", "4", SAMPLES)
    assert len({each["id"] for each in report["sessions"]}) == 8
    assert all(each["answered"] for each in report["sessions"])
    assert report["expired"] == 0


def test_a_model_that_is_not_served_is_refused_with_the_names_of_those_that_are(stack: RunningStack) -> None:
    arguments = ("stream", "--url", stack.websocket, "--model", "inception_v3", SAMPLES)
    assert "served are efficientnet_lite2, efficientnet_lite0" in sightstream(*arguments, code=1)


def test_a_url_without_a_gateway_gives_one_clear_line() -> None:
    error = sightstream("stream", "--url", "ws://127.0.0.1:1/ws", SAMPLES / "cat.jpg", code=1)
    assert "sightstream up" in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize("source", ["option", "setting"])
def test_a_port_in_use_is_named_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        monkeypatch.setenv("SIGHTSTREAM_PORT", port if source == "setting" else "0")
        options = ("--port", port) if source == "option" else ()
        error = sightstream("up", *options, "--data-dir", tmp_path, code=1)
    assert port in error
    assert "--port" in error


def test_a_broker_that_does_not_answer_is_named(tmp_path: Path) -> None:
    error = sightstream("up", "--port", "0", "--broker", "127.0.0.1:1", "--data-dir", tmp_path, code=1)
    assert "127.0.0.1:1" in error
    assert "--broker" in error


def test_two_stacks_run_side_by_side_and_sigterm_leaves_nothing_running(stack: RunningStack, tmp_path: Path) -> None:
    with running_stack(tmp_path / "second", "--model", "efficientnet_lite0") as second:
        assert second.url != stack.url
        assert stream(second, "--once", SAMPLES)["answered"] >= 2
        assert stream(stack, "--once", SAMPLES)["answered"] >= 2
        processes = second.processes()
        assert len(processes) >= 3
        second.process.send_signal(signal.SIGTERM)
        assert second.process.wait(30) == 0
        assert all_end(processes, 2.0)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_a_stack_runs_on_ipv6_with_tls_in_folders_with_odd_names_and_its_address_is_what_stream_takes(
    lite0: Bundle, tmp_path: Path
) -> None:
    folder = tmp_path / "a, b 'c\" [d]\u00e9\n.e"
    bundle = folder / "my, model"
    shutil.copytree(lite0.folder, bundle)
    own = own_certificate(folder / "tls", ["::1"], "--data-dir")
    options = ("--model", str(bundle), "--host", "::1", "--tls-cert", str(own.certificate))
    with running_stack(folder / "data", *options) as odd:
        assert odd.url.startswith("https://[::1]:")
        trust = ("--tls-ca", own.authority)
        report = json.loads(sightstream("stream", "--url", f"{odd.url}/", *trust, "--json", "--once", SAMPLES))
        assert report["answered"] >= 2
        assert report["model"] == lite0.name


def test_every_gateway_of_a_cluster_answers_and_kill_nine_of_up_ends_all_processes_soon(tmp_path: Path) -> None:
    options = ("--model", "efficientnet_lite0", "--brokers", "3", "--workers", "2", "--gateways", "2")
    with running_stack(tmp_path / "killed", *options) as killed:
        assert len(set(killed.urls)) == 2
        for url in killed.urls:
            assert json.loads(sightstream("stream", "--url", url, "--json", "--once", SAMPLES))["answered"] >= 2
        processes = killed.processes()
        for part, count in {"kafka.Kafka": 3, "streams.worker": 2, "infra.commands gateway": 2}.items():
            assert len(killed.processes(part)) == count
        os.kill(killed.process.pid, signal.SIGKILL)
        killed.process.wait()
        assert all_end(processes, 5.0)
