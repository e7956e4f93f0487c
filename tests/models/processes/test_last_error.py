"""Why a process ended is read from what it printed, whatever it printed after that."""

import json
import logging
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from models.processes.last_error import last_error, why_it_ended
from streams.contract.logs import configuration
from streams.contract.settings import Settings

SHUTDOWN = """\
[2026-11-27 09:50:40,001] [5652] [INFO] [^Worker]: Stopping...
[2026-11-27 09:50:40,002] [5652] [INFO] [^-App]: Flush producer buffer...
[2026-11-27 09:50:40,003] [5652] [ERROR] Unclosed client session
[2026-11-27 09:50:40,004] [5652] [INFO] [^Worker]: Closing event loop
"""
NOISE = "[2026-11-27 09:50:36,278] [5652] [ERROR] Group Coordinator Request failed: [Error 15] NotAvailable \n"
FAUST = (
    "[2026-11-27 09:50:39,999] [5652] [ERROR] [^-App]: Crashed reason=KeyError('x') \n"
    "Traceback (most recent call last):\n"
    '  File "faust/app.py", line 1, in run\n'
    "    await self.step()\n"
    "aiokafka.errors.NodeNotReadyError: no node is ready\n"
)
GROUP = """\
2026-11-27 09:00:00,001 INFO uvicorn.error: Started server process [1]
  + Exception Group Traceback (most recent call last):
  |   File "x.py", line 3, in main
  |     async with TaskGroup() as tasks:
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "x.py", line 9, in task
    |     raise Broken("the disk is gone")
    | web.store.Broken: the disk is gone
    +------------------------------------
2026-11-27 09:00:01,001 INFO uvicorn.error: Shutting down
"""
KAFKA = """\
2026-01-05T10:47:06,100 INFO starting (KafkaServer)
2026-01-05T10:47:07,838 ERROR Error while writing to data (LogManager)
org.apache.kafka.common.errors.KafkaStorageException: cannot append
\tat kafka.Log.append(Log.scala:1)
Caused by: java.io.IOException: No space left on device
\t... 18 more
2026-01-05T10:47:08,100 INFO App info kafka.server unregistered (AppInfoParser)
"""


@pytest.mark.parametrize(
    ("output", "error"),
    [
        (NOISE + FAUST + SHUTDOWN, "Crashed reason=KeyError('x'): NodeNotReadyError: no node is ready"),
        (NOISE + SHUTDOWN, "Group Coordinator Request failed: [Error 15] NotAvailable"),
        (GROUP, "Broken: the disk is gone"),
        (KAFKA, "Error while writing to data: IOException: No space left on device"),
        ("2026-01-05T10:47:06,100 FATAL Halting (Kafka)\n" + KAFKA, "Halting"),
        ("starting\nError: SIGHTSTREAM_PORT='x' must be\nbye\n", "Error: SIGHTSTREAM_PORT='x' must be"),
        ("starting\nERROR:root:disk full\nshutting down\n", "ERROR:root:disk full"),
        ("[11/27/26 16:02] ERROR disk full\nshutting down\n", "[11/27/26 16:02] ERROR disk full"),
        ("error: unknown option\nusage: x [y]\n", "error: unknown option"),
        ("Fatal Python error: Segmentation fault\n\nThread 0x1 (most recent call first):\n  File x\n",
         "Fatal Python error: Segmentation fault"),
        ("terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\nbye\n",
         "terminate called after throwing an instance of 'std::bad_alloc': std::bad_alloc"),
        ('Exception in thread "main" java.lang.NoClassDefFoundError: kafka/Kafka\n\tat x\n',
         "java.lang.NoClassDefFoundError: kafka/Kafka"),
        ("java.lang.OutOfMemoryError: Java heap space\nDumping heap to java_pid1.hprof ...\n",
         "OutOfMemoryError: Java heap space"),
        ("Exception ignored in: <function f>\nTraceback (most recent call last):\n  File x\nKeyError: 'late'\n", ""),
        ("cannot start faust: No such file or directory\n", "cannot start faust: No such file or directory"),
        ("2026-11-27 09:00:00,001 INFO web: no ERROR here, and no Exception: none\n", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_the_error_is_found_above_the_messages_of_the_shutdown(output: str, error: str) -> None:
    assert last_error(output) == error


def test_an_uncaught_exception_counts_more_than_what_was_logged_before_and_after_it() -> None:
    uncaught = "Traceback (most recent call last):\n  File x\nMemoryError\n"
    before = FAUST + "2026-11-27 09:00:00,001 INFO web: fine\n"
    assert last_error(before + uncaught + NOISE + SHUTDOWN) == "MemoryError"


def test_an_error_long_before_the_end_is_not_what_ended_the_process() -> None:
    calm = "2026-11-27 09:00:00,001 INFO web: fine\n"
    assert last_error(FAUST + 300 * calm) == ""
    assert last_error(FAUST + 30 * calm)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_who_is_killed_from_outside_has_only_the_error_that_it_logged_just_before(number: signal.Signals) -> None:
    calm = "2026-11-27 09:00:00,001 INFO web: fine\n"
    assert last_error(NOISE + 30 * calm, -number) == ""
    assert last_error(NOISE + 30 * calm, -signal.SIGSEGV)
    assert last_error(FAUST + SHUTDOWN, -number)


@pytest.mark.parametrize("form", ["text", "json"])
def test_log_lines_of_this_project_are_read_in_both_forms(
    form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    formatter = configuration(Settings(log=form))["formatters"]["lines"]  # type: ignore[arg-type]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter["()"](formatter["fmt"]) if "fmt" in formatter else formatter["()"]())
    root.addHandler(handler)
    log = logging.getLogger("web.hub")
    try:
        json.loads("nonsense")
    except ValueError:
        log.exception("a record cannot be read")
    log.warning("stopping")
    output = capsys.readouterr().out
    assert last_error(output).endswith(
        "a record cannot be read: JSONDecodeError: Expecting value: line 1 column 1 (char 0)"
    )


SCRIPTS = {
    "raise ValueError('in the main module')": "ValueError: in the main module",
    "raise SystemExit('Error: the port is taken')": "Error: the port is taken",
    "import nowhere_to_be_found": "ModuleNotFoundError: No module named 'nowhere_to_be_found'",
    "open('/nowhere/file')": "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/file'",
    "import faulthandler, os; faulthandler.enable(); os.abort()": "Fatal Python error: Aborted",
    "import atexit; atexit.register(print, 'bye'); 1 / 0": "ZeroDivisionError: division by zero",
    "try:\n  1 / 0\nexcept Exception as error:\n  raise RuntimeError('second') from error": "RuntimeError: second",
    "import asyncio\nasync def main():\n  async with asyncio.TaskGroup() as tasks:\n"
    "    tasks.create_task(asyncio.sleep('x'))\nasyncio.run(main())": "TypeError: ",
    "x = (": "SyntaxError: '(' was never closed",
}


@pytest.mark.parametrize(("script", "error"), SCRIPTS.items())
def test_the_errors_of_real_python_processes_are_found(script: str, error: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert last_error(ended.stdout + "stopped\n", ended.returncode).startswith(error)


def test_without_an_error_the_line_that_looks_wrong_is_quoted_or_else_the_last_one() -> None:
    assert why_it_ended("starting\nno disk space\nstopped\n") == "it printed: no disk space"
    assert why_it_ended("starting\nstopped\n\n") == "no error in its output, the last line: stopped"
    assert why_it_ended("") == "it printed nothing"
    assert "perhaps for want of memory" in why_it_ended("starting\n", -signal.SIGKILL)
    assert why_it_ended(FAUST).startswith("its error: Crashed reason=")


def test_the_text_is_short_and_on_one_line() -> None:
    text = last_error("Error: " + "x" * 10_000)
    assert len(text) == 300
    assert "\n" not in text
