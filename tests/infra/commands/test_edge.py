import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from infra.commands import edge
from infra.commands.__main__ import main
from models.bundle import BrokenBundle
from streams.contract.settings import BadSetting
from tests import ROOT


def ends_with(error: BaseException, *arguments: str) -> Result:
    """A command that raises ``error``, called with ``arguments``."""

    @click.command(cls=edge.Command)
    def failing() -> None:
        raise error

    return CliRunner().invoke(failing, arguments)


def sightstream(*arguments: str | bytes, **variables: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "infra.commands", *arguments]
    return subprocess.run(command, capture_output=True, cwd=ROOT, env=os.environ | variables, timeout=60)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (BadSetting("X is no setting"), "X is no setting"),
        (BrokenBundle("two\nlines\x1b[31m \udcff"), r"two lines\x1b[31m \xff"),
        (PermissionError(13, "Permission denied", "/a\nb"), r"/a\nb: Permission denied"),
        (OSError(28, "No space left on device", b"/a\xff"), r"/a\xff: No space left on device"),
        (FileNotFoundError(2, "No such file", "a", None, "b"), "a: b: No such file"),
        (FileExistsError("out holds something else"), "out holds something else"),
        (
            ModuleNotFoundError("no", name="av.codec"),
            "this needs the package av.codec: pip install 'sightstream[all]'",
        ),
        (MemoryError(), "there is not enough memory"),
        (RecursionError("too deep"), "something that was read is nested too deeply (too deep)"),
        (click.ClickException("closed"), "closed"),
        (ExceptionGroup("tasks", [ValueError(), ExceptionGroup("", [BadSetting("inner")])]), "inner"),
    ],
)
def test_an_expected_error_is_one_line_and_status_1(error: Exception, line: str) -> None:
    result = ends_with(error)
    assert (result.exit_code, result.stderr) == (1, f"Error: {line}\n")
    assert isinstance(result.exception, SystemExit)


def test_a_text_that_cannot_be_read_is_named() -> None:
    with pytest.raises(UnicodeDecodeError) as error:
        b"\xff".decode()
    result = ends_with(error.value)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: a text cannot be read or written ('utf-8' codec")


@pytest.mark.parametrize("error", [ValueError("odd"), KeyError("odd"), ExceptionGroup("", [AssertionError("odd")])])
def test_any_other_error_says_that_it_is_a_bug_and_where_to_report_it(error: Exception) -> None:
    result = ends_with(error)
    assert result.exit_code == edge.BUG
    [line] = result.stderr.splitlines()
    assert line.startswith("Error: this is a bug in sightstream, ")
    assert "odd" in line
    assert "report it" in line
    assert "--debug" in line


def test_debug_shows_the_traceback_before_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with_option = ends_with(BadSetting("wrong"), "--debug").stderr
    monkeypatch.setenv(edge.DEBUG, "1")
    assert "Traceback" in with_option
    assert with_option.endswith("\nError: wrong\n")
    assert "Traceback" in ends_with(BadSetting("wrong")).stderr
    monkeypatch.setenv(edge.DEBUG, "0")
    assert ends_with(BadSetting("wrong")).stderr == "Error: wrong\n"


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_debug_may_stand_before_and_after_every_subcommand(place: int, tmp_path: Path) -> None:
    arguments = ["models", "rollback", "nobody"]
    result = CliRunner().invoke(main, [*arguments[:place], "--debug", *arguments[place:]])
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: there is no trained model 'nobody'")


def test_ctrl_c_ends_with_130_and_no_traceback() -> None:
    result = ends_with(KeyboardInterrupt())
    assert (result.exit_code, result.stderr.strip()) == (edge.INTERRUPTED, "")
    result = ends_with(KeyboardInterrupt("stopped; nothing was written"))
    assert (result.exit_code, result.stderr.strip()) == (edge.INTERRUPTED, "Error: stopped; nothing was written")


def test_ctrl_c_that_python_would_ignore_ends_the_command() -> None:
    code = """
import os, signal, time
from infra.commands import edge

class Closing:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)

def command():
    Closing()
    time.sleep(60)

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
edge.run(command)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, timeout=30)
    assert (run.returncode, run.stderr) == (edge.INTERRUPTED, b"")


def test_the_end_of_a_file_that_is_too_short_is_no_ctrl_c() -> None:
    result = ends_with(EOFError("no data left"))
    assert result.exit_code == edge.BUG
    assert "EOFError: no data left" in result.stderr


@pytest.mark.parametrize("after_s", [0.1, 0.3, 0.6])
def test_ctrl_c_is_quiet_during_imports_too(after_s: float) -> None:
    code = "import infra.commands.__main__, time; print(flush=True); infra.commands.__main__.main(['classify', 'x'])"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=-1, stderr=-1, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(after_s)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in {edge.INTERRUPTED, 1}  # 1: it was faster
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["clasify"], "Error: No such command: clasify. Did you mean classify?"),
        (["models", "promot"], "Error: No such command: promot. Did you mean promote?"),
        (["classify", "--modle", "x"], "Error: No such option: --modle. Did you mean --model?"),
        (["up", "--port", "65536"], "Error: Invalid value for '--port'"),
        (["classify"], "Error: Missing argument 'PATH...'."),
    ],
)
def test_a_wrong_command_line_is_one_line_with_the_nearest_name_and_status_2(arguments: list[str], line: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(line)
    assert result.stderr.endswith(" --help`\n")
    assert len(result.stderr.splitlines()) == 1


def test_without_a_command_the_help_is_shown() -> None:
    result = CliRunner().invoke(main, [])
    assert result.exit_code == 2
    assert all(name in result.output for name in ("classify", "settings", "--debug"))
    assert "Error" not in result.output


def test_a_very_long_line_is_shortened() -> None:
    line = ends_with(BadSetting("long" * 10_000)).stderr
    assert len(line) < edge.LONGEST


def test_a_reader_that_leaves_is_no_error() -> None:
    command = f"{sys.executable} -m infra.commands settings --json | head -c 1"
    run = subprocess.run(["sh", "-c", command], capture_output=True, cwd=ROOT, timeout=60)
    assert (run.stdout, run.stderr) == (b"[", b"")


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full"])
@pytest.mark.parametrize("arguments", ["settings", "settings --json", "models list", "nonsense"])
def test_an_output_that_is_closed_or_full_gives_no_traceback(redirection: str, arguments: str) -> None:
    command = f"{sys.executable} -m infra.commands {arguments} {redirection}"
    run = subprocess.run(["sh", "-c", command], capture_output=True, cwd=ROOT, timeout=60)
    assert len(run.stderr.splitlines()) <= 1
    assert run.returncode == (2 if arguments == "nonsense" else 1 if "full" in redirection else 0)


@pytest.mark.parametrize("encoding", ["ascii", "utf-8:strict", "latin-1:strict", "utf-16"])
def test_an_encoding_that_lacks_a_letter_shows_it_escaped(encoding: str) -> None:
    run = sightstream("models", "promote", b"caf\xe9 \xe2\x82\xac", PYTHONIOENCODING=encoding)
    line = run.stderr.decode(encoding.partition(":")[0])
    assert run.returncode == 1
    assert line.startswith("Error: ")
    assert r"\xe9" in line
    assert len(line.splitlines()) == 1
