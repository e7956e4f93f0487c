"""A function runs in a child process, and its failure arrives here under its own name."""

import os
from pathlib import Path

import pytest

from models.bundle import BrokenBundle, Bundle
from models.networks import Network, UnknownNetwork, facts
from models.processes.build import BuildFailed, run_in_child
from models.storage import sha256


def test_function_runs_in_another_process_with_its_arguments(tmp_path: Path) -> None:
    run_in_child(os.mkdir, tmp_path / "made", 0o700)
    assert (tmp_path / "made").is_dir()


def test_child_has_low_priority(tmp_path: Path) -> None:
    command = f"ps -o nice= -p $PPID > {tmp_path / 'nice'}" if os.name == "posix" else ""
    run_in_child(os.system, command)
    assert int((tmp_path / "nice").read_text()) >= 10


@pytest.mark.parametrize("error", [UnknownNetwork, BrokenBundle])
def test_known_error_arrives_with_its_type_and_message(tmp_path: Path, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"resnet.*"):
        if error is UnknownNetwork:
            run_in_child(facts, "resnet")
        else:
            run_in_child(Bundle.open, tmp_path / "resnet")


def test_error_of_the_operating_system_is_a_failed_build_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match=r"sha256 failed: .*No such file.*nothing"):
        run_in_child(sha256, tmp_path / "nothing")


def test_unexpected_error_is_a_failed_build_with_its_traceback_in_the_notes(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(BuildFailed, match="Network failed: TypeError: ") as failed:
        run_in_child(Network, "resnet")  # type: ignore[call-arg]  # a mistake of ours
    assert str(failed.value).count("\n") == 0
    assert "Traceback" in "".join(failed.value.__notes__)
    assert capfd.readouterr().err == ""


def test_what_a_function_prints_goes_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    run_in_child(print, "epoch 1 of 1")
    assert capfd.readouterr() == ("", "epoch 1 of 1\n")


@pytest.mark.parametrize(
    ("script", "end"),
    [
        ("kill -9 $PPID", "SIGKILL; it was ended from outside, perhaps for want of memory"),
        ("echo 'F0000 Check failed: no room' >&2; echo bye; kill -6 $PPID", "SIGABRT; its error: F0000 Check failed"),
    ],
)
def test_child_that_crashes_is_a_failed_build_that_quotes_its_error(
    script: str, end: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BuildFailed) as failed:
        run_in_child(os.system, script)
    assert str(failed.value).startswith(f"system, in a process of its own, ended with {end}")
    assert capfd.readouterr().err == ""


def test_child_that_cannot_begin_is_a_failed_build_that_quotes_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("1 / 0")
    monkeypatch.setattr("models.processes.build.__file__", str(tmp_path / "models" / "processes" / "build.py"))
    with pytest.raises(BuildFailed, match="exit code 1; its error: ZeroDivisionError: division by zero"):
        run_in_child(print)
