import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import uvloop

from infra.local import parent_watch
from tests import ROOT
from tests.fakes.processes import is_alive

EXEC = parent_watch.command([])
WATCH = [*EXEC[:-1], "--watch", EXEC[-1]]
both_ways = pytest.mark.parametrize("prefix", [EXEC, WATCH], ids=["exec", "watch"])


@both_ways
def test_exit_code_and_output_of_the_child_are_passed_on(prefix: list[str]) -> None:
    done = subprocess.run([*prefix, "sh", "-c", "echo out; exit 7"], capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (7, "out\n")


@both_ways
def test_sigterm_reaches_the_child(prefix: list[str]) -> None:
    script = "trap 'echo stopped; exit 3' TERM; echo ready; while :; do sleep 0.05; done"
    child = subprocess.Popen([*prefix, "sh", "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == "ready\n"

        child.terminate()

        assert child.wait(5) == 3
        assert child.stdout.read() == "stopped\n"


@both_ways
def test_command_that_does_not_exist_is_one_line_and_127(prefix: list[str]) -> None:
    done = subprocess.run([*prefix, "/nowhere/java"], capture_output=True, text=True)

    assert done.returncode == 127
    assert done.stderr == "cannot start /nowhere/java: No such file or directory\n"


@both_ways
def test_child_starts_with_default_signal_handlers(prefix: list[str]) -> None:
    """Python ignores SIGPIPE; a child that inherited that would not end with its reader."""
    done = subprocess.run([*prefix, "sh", "-c", "grep SigIgn /proc/$$/status"], capture_output=True, text=True)

    ignored = int(done.stdout.split()[1], 16)
    assert not ignored & (1 << (signal.SIGPIPE - 1))


@pytest.mark.parametrize(("private", "mode"), [(False, 0o644), (True, 0o600)], ids=["shared", "private"])
def test_files_of_a_private_child_are_for_their_owner_only(tmp_path: Path, private: bool, mode: int) -> None:
    async def run() -> None:
        command = parent_watch.command(["sh", "-c", "echo > made"], private=private)
        await (await asyncio.create_subprocess_exec(*command, cwd=tmp_path)).wait()

    uvloop.run(run())  # the measurements start stacks on this loop
    assert (tmp_path / "made").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("watch", [False, True], ids=["exec", "watch"])
def test_kill_9_of_the_parent_ends_the_child(watch: bool) -> None:
    script = (
        "import subprocess, time; from infra.local import parent_watch;"
        "command = parent_watch.command(['sh', '-c', 'echo $$; exec sleep 60']);"
        f"command[4:4] = ['--watch'] if {watch} else [];"
        "subprocess.Popen(command); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())

        parent.kill()
        parent.wait()

        end = time.monotonic() + 5
        while is_alive(child) and time.monotonic() < end:
            time.sleep(0.02)
        assert not is_alive(child)


def test_nothing_starts_when_the_parent_is_already_gone(tmp_path: Path) -> None:
    other = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    orphan = [*EXEC[:-1], other.stdout.strip(), "touch", str(tmp_path / "started")]

    subprocess.run(orphan, check=False)

    assert not (tmp_path / "started").exists()
