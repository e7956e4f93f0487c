"""The supervisor with real, short shell processes."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from infra.local.supervisor import RestartPolicy, SupervisedProcess, describe_exit
from tests.fakes.processes import is_alive

FAST = RestartPolicy(first_wait_s=0.01, longest_wait_s=0.02, healthy_s=60.0)


def supervised(folder: Path, script: str, **options: Any) -> SupervisedProcess:
    return SupervisedProcess(
        "worker",
        ["sh", "-c", script],
        environ={**os.environ, "FOLDER": str(folder)},
        log_file=folder / "worker.log",
        **{"policy": FAST, "grace_s": 5.0, **options},
    )


@asynccontextmanager
async def running(process: SupervisedProcess) -> AsyncIterator[None]:
    task = asyncio.create_task(process.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def log_text(process: SupervisedProcess) -> str:
    return process.log_file.read_text() if process.log_file.exists() else ""


def test_wait_doubles_up_to_the_longest_and_starts_again_after_a_healthy_time() -> None:
    policy = RestartPolicy(first_wait_s=0.3, longest_wait_s=2.0, healthy_s=20.0)
    waits = [policy.first_wait_s]
    for ran_s in (1, 1, 1, 1, 21, 1):
        waits.append(policy.next_wait(waits[-1], ran_s))

    assert waits == [0.3, 0.6, 1.2, 2.0, 2.0, 0.3, 0.6]


async def test_process_that_ends_is_started_again_after_growing_waits(tmp_path: Path) -> None:
    process = supervised(
        tmp_path, "date +%s.%N", policy=RestartPolicy(first_wait_s=0.1, longest_wait_s=0.4, healthy_s=60.0)
    )

    async with running(process):
        await until(lambda: len(log_text(process).splitlines()) >= 3)

    first, second, third = [float(line) for line in log_text(process).splitlines()[:3]]
    assert second - first >= 0.2
    assert third - second >= 0.4


async def test_process_that_ran_for_a_healthy_time_is_started_again_after_the_first_wait(tmp_path: Path) -> None:
    policy = RestartPolicy(first_wait_s=0.01, longest_wait_s=60.0, healthy_s=0.0)
    process = supervised(tmp_path, "true", policy=policy)

    async with running(process):
        await until(lambda: process.starts >= 12)  # with waits that double this would take 40 s


@pytest.mark.parametrize(
    ("script", "end", "why"),
    [
        (
            "echo starting; echo no disk space >&2; exit 7",
            "exit code 7",
            "it printed: no disk space",
        ),
        (
            "echo 'Error: no such model' >&2; echo 'INFO stopped'; exit 1",
            "exit code 1",
            "its error: no such model",
        ),
        ("echo 'ValueError: bad'; echo bye; kill -9 $$", "SIGKILL", "its error: ValueError: bad"),
        ("echo starting; kill -TERM $$", "SIGTERM", "it was ended from outside, and logged no error before"),
        ("exec nowhere-to-be-found", "exit code 127", "its error: sh: 1: exec: nowhere-to-be-found: not found"),
        ("true", "exit code 0", "it printed nothing"),
    ],
)
async def test_end_is_logged_with_exit_code_and_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, script: str, end: str, why: str
) -> None:
    process = supervised(tmp_path, script)

    async with running(process):
        await until(lambda: process.starts >= 2)

    assert caplog.messages[0].startswith(f"worker ended ({end}): restarting it; {why}")
    assert caplog.messages[0].endswith(f" (see {process.log_file})")


async def test_the_error_of_an_earlier_run_is_not_quoted_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = 'if [ -e "$FOLDER/second" ]; then echo fine; else touch "$FOLDER/second"; echo "KeyError: old"; fi'
    process = supervised(tmp_path, script)

    async with running(process):
        await until(lambda: process.starts >= 3)

    assert "KeyError: old" in caplog.messages[0]
    assert "the last line: fine" in caplog.messages[1]
    assert process.why_it_ended in caplog.text


async def test_pid_is_that_of_the_command_while_it_runs(tmp_path: Path) -> None:
    process = supervised(tmp_path, "echo $$; exec sleep 60")
    assert process.pid is None

    async with running(process):
        await until(lambda: bool(log_text(process)))
        assert process.pid == int(log_text(process))

    assert process.pid is None


async def test_cancelling_sends_sigterm_and_waits_for_an_orderly_end(tmp_path: Path) -> None:
    process = supervised(tmp_path, "trap 'echo stopped; exit 0' TERM; echo ready; while :; do sleep 0.02; done")

    async with running(process):
        await until(lambda: "ready" in log_text(process))

    assert log_text(process).splitlines()[-1] == "stopped"
    assert process.starts == 1


async def test_process_that_ignores_sigterm_is_killed_with_its_children(tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 60 & echo $! >$FOLDER/child; echo ready; while :; do sleep 0.02; done"
    process = supervised(tmp_path, script, grace_s=0.1)

    async with running(process):
        await until(lambda: "ready" in log_text(process))
        pid, child = process.pid, int((tmp_path / "child").read_text())
        assert pid is not None
        stopped_at = time.monotonic()

    assert time.monotonic() - stopped_at >= 0.1
    await until(lambda: not is_alive(pid) and not is_alive(child))


async def test_first_start_keeps_the_log_of_the_last_run_as_old(tmp_path: Path) -> None:
    (tmp_path / "worker.log").write_text("from the last run\n")
    process = supervised(tmp_path, "echo new; exec sleep 60")

    async with running(process):
        await until(lambda: "new" in log_text(process))

    assert log_text(process) == "new\n"
    assert (tmp_path / "worker.old").read_text() == "from the last run\n"


async def test_restart_appends_to_the_log_until_it_is_large(tmp_path: Path) -> None:
    process = supervised(tmp_path, "echo 0123456789", max_log_bytes=25)

    async with running(process):
        await until(lambda: (tmp_path / "worker.old").exists())

    assert (tmp_path / "worker.old").read_text() == "0123456789\n" * 3


def test_last_log_line_names_the_file_when_there_is_none_yet(tmp_path: Path) -> None:
    process = supervised(tmp_path, "true")
    assert process.last_log_line() == f"nothing in {tmp_path / 'worker.log'} yet"

    process.log_file.write_text("first\n" + "x" * 1000 + "\n\n")
    assert process.last_log_line() == f"last log line: {'x' * 300} (see {tmp_path / 'worker.log'})"


def test_exit_is_described_by_code_or_signal() -> None:
    assert describe_exit(3) == "exit code 3"
    assert describe_exit(-signal.SIGKILL) == "SIGKILL"
