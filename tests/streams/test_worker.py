"""How the worker's process starts and ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests import ROOT

# a service that never stops, as Kafka's clients may when Kafka does not answer
SCRIPT = """
import asyncio, mode, sys
from streams.worker import Worker, app

class Service(mode.Service):
    async def on_started(self):
        print("started", flush=True)
        if "crash" in sys.argv:
            self.add_future(self.fail())

    async def fail(self):
        raise RuntimeError("no")

    async def on_stop(self):
        print("stopping", flush=True)
        await asyncio.sleep(0 if "ends" in sys.argv else 1000)

class Alone(Worker):
    def on_init_dependencies(self):
        return self.services

Alone(app, Service(), loglevel="INFO", redirect_stdouts=False).execute_from_commandline()
"""


@contextmanager
def worker(*how: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-u", "-c", SCRIPT, *how]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout
    try:
        wait_for(process, "started")
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def wait_for(process: "subprocess.Popen[str]", text: str) -> None:
    assert process.stdout
    assert any(text in line for line in process.stdout)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_although_something_does_not_stop(number: signal.Signals) -> None:
    with worker() as process:
        process.send_signal(number)
        started = time.monotonic()
        assert process.wait(5.0) == 0
        assert time.monotonic() - started > 2.5
        wait_for(process, "it ends now")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(number: signal.Signals) -> None:
    with worker() as process:
        process.send_signal(signal.SIGTERM)
        wait_for(process, "stopping")
        process.send_signal(number)
        assert process.wait(10.0) == 128 + number  # after the time for one signal it would be 0


def test_it_ends_as_soon_as_all_has_stopped() -> None:
    with worker("ends") as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(3.0) == 0
        assert process.stdout
        assert "it ends now" not in process.stdout.read()


def test_a_crash_ends_it_with_an_error_although_something_does_not_stop() -> None:
    with worker("crash") as process:
        assert process.wait(6.0) == 1


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("SIGHTSTREAM_PORT", "eighty", "SIGHTSTREAM_PORT='eighty' must be a whole number from 0 to 65535"),
        ("SIGHTSTREAM_BROKER", "kafka://a:1", "SIGHTSTREAM_BROKER='kafka://a:1' must be HOST:PORT, "),
        ("SIGHTSTREAM_MODELS", "efficientnet_lit0", "'efficientnet_lit0' is no bundle folder and none of "),
        ("SIGHTSTREAM_WEIGHTS", "pyproject.toml", "pyproject.toml is no .weights.h5 or .h5 file of weights"),
    ],
)
def test_a_worker_that_cannot_start_ends_with_one_line(variable: str, value: str, line: str) -> None:
    command = [sys.executable, "-m", "faust", "-A", "streams.worker", "worker"]
    environ = os.environ | {variable: value}
    run = subprocess.run(command, capture_output=True, cwd=ROOT, env=environ, timeout=60, text=True)
    assert run.returncode == 1
    errors = [each for each in run.stderr.splitlines() if not each.startswith("[")]  # lines of the log
    assert len(errors) == 1
    assert errors[0].startswith(f"Error: {line}")
