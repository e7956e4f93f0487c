"""A process with a clock of its own."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.loadtest.faults.shifted_clock import shift
from streams.contract.clock import now_ms


@pytest.mark.parametrize("seconds", [3600.0, -0.25])
def test_the_times_of_messages_are_shifted_but_not_the_clock_that_measures_durations(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    before_s, before_ns = time.time(), time.time_ns()
    monkeypatch.setattr(time, "time", time.time)  # so that they are restored
    monkeypatch.setattr(time, "time_ns", time.time_ns)
    monotonic = time.monotonic()
    shift(seconds)
    assert now_ms() / 1000 - before_s == pytest.approx(seconds, abs=0.2)
    assert (time.time_ns() - before_ns) / 1e9 == pytest.approx(seconds, abs=0.2)
    assert time.monotonic() - monotonic < 0.2


def test_a_module_runs_with_its_arguments_and_the_shifted_clock(tmp_path: Path) -> None:
    (tmp_path / "what_time.py").write_text("import sys, time; print(__name__, *sys.argv[1:], time.time())")
    command = [sys.executable, "-m", "infra.loadtest.faults.shifted_clock", "-3600", "what_time", "--now"]
    environ = {"PYTHONPATH": f"{Path.cwd()}:{tmp_path}"}
    output = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
    name, argument, at = output.split()
    assert (name, argument) == ("__main__", "--now")
    assert float(at) - time.time() == pytest.approx(-3600, abs=30)
