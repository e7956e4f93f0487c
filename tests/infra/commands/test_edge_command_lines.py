"""Whatever stands on the command line and in the environment, a command ends with a line of its own.

The command lines are made from the commands' own parameters, so a new command or option is tried, too. No process is
started, no server listens and no name is looked up; every network is a small fake.
"""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import uvicorn
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.commands import edge
from infra.commands.__main__ import COMMANDS, main
from streams.contract.settings import PREFIX, Settings, variable_of
from tests import ROOT
from tests.fakes.bundles import EvenEngine, write_bundle
from tests.fakes.classifiers import jpeg

CALLS = 500
# in the folder in which the commands run; "pipe" has no writer
PATHS = (
    "empty",
    "picture.jpg",
    "caf\udce9\n.jpg",
    "dataset",
    "bundle",
    "loop",
    "gone",
    "file/below",
    "x" * 5000,
    "/dev/null",
)
NEVER_ENDING = ("pipe", "/dev/zero")
NUMBERS = (
    "0",
    "-1",
    "1",
    "65536",
    "1e999",
    "nan",
    "inf",
    "-inf",
    "0x10",
    "9" * 400,
    "１",
    "1_0",
    " 5 ",
    "1,5",
    "true",
)
ADDRESSES = ("[::1]:1", "::1", "http://127.0.0.1:1/", "https://a b/", "ftp://a", "a:b:c", "[", "127.0.0.1:1", ":0")
WORDS = (
    "",
    "-",
    "--",
    "=",
    "--help=",
    "\\",
    "'",
    '"',
    "%s",
    "{}",
    "~nobody-here",
    "*",
    "efficientnet_lite2",
    "openvino",
)
# no slash, so that nothing is read or written elsewhere; Python has \udcff for a byte that is no UTF-8
TEXT = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]) | st.just("\udcff"), max_size=20
).filter(lambda text: text != ".." and "--debug" not in text)
VALUES = st.sampled_from((*PATHS, *NUMBERS, *ADDRESSES, *WORDS)) | TEXT
READ_AT_ONCE = {"paths"}  # arguments whose files are read as pictures: a pipe is waited for


def subcommands() -> Iterator[tuple[list[str], click.Command]]:
    """Every command with the words that call it."""
    context = click.Context(main)
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None
        yield [name], command
        if isinstance(command, click.Group):
            yield from (([name, each], command.commands[each]) for each in command.commands)


look_up = socket.getaddrinfo
SUBCOMMANDS = [*subcommands()]


def values_of(parameter: click.Parameter) -> st.SearchStrategy[str]:
    """Values for an option or an argument: as often of use as not."""
    odd = VALUES if parameter.name in READ_AT_ONCE else VALUES | st.sampled_from(NEVER_ENDING)
    if isinstance(parameter.type, click.Choice):
        return odd | st.sampled_from(list(parameter.type.choices))
    if isinstance(parameter.type, click.Path):
        return odd | st.sampled_from(["dataset", "bundle", "picture.jpg", "caf\udce9\n.jpg"])
    return odd | st.sampled_from(["1", "5", "bundle", "efficientnet_lite2", "pets"])


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """A command with some of its options, and arguments, most of them with a value of no use."""
    words, command = draw(st.sampled_from(SUBCOMMANDS))
    options: list[str] = []
    arguments: list[str] = []
    for parameter in command.params:
        values = values_of(parameter)
        if isinstance(parameter, click.Argument):
            arguments += draw(st.lists(values, min_size=1, max_size=1 if parameter.nargs == 1 else 3))
        elif parameter.name != "debug" and draw(st.integers(0, 3)) == 0:
            options.append(draw(st.sampled_from(parameter.opts)))
            options += [] if getattr(parameter, "is_flag", False) else [draw(values)]
    between = draw(st.sampled_from(["", "", "", "--", "--unknown", "-z"]) | VALUES)
    return [*words, *options, *([between] if between else []), *arguments[: draw(st.integers(-1, 3)) % 5]]


ENVIRONS: st.SearchStrategy[dict[str, str]] = st.just({}) | st.dictionaries(
    st.sampled_from([*map(variable_of, Settings.model_fields), f"{PREFIX}SECRETS_DIR"])
    | TEXT.map(lambda text: f"{PREFIX}{text}".replace("=", "")),
    VALUES | st.sampled_from(NEVER_ENDING),
    max_size=2,
)


def numeric_addresses(
    host: str | None, port: object, family: int = 0, type: int = 0, *_: object, **__: object
) -> list[Any]:
    return look_up(host, port, family, type, flags=socket.AI_NUMERICHOST)  # type: ignore[arg-type]


def refused(*_: object, **__: object) -> None:
    raise OSError(11, "Resource temporarily unavailable")


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The current folder, with odd files in it, and nothing that a command could start or reach."""
    folder = tmp_path_factory.mktemp("command lines")
    (folder / "empty").mkdir()
    (folder / "file").touch()
    for name in ("picture.jpg", "caf\udce9\n.jpg", "dataset/cat/1.jpg", "dataset/dog/1.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(jpeg())
    (folder / "loop").symlink_to("loop")
    write_bundle(folder / "bundle")
    os.mkfifo(folder / "pipe")
    with pytest.MonkeyPatch.context() as patch:
        for variable in os.environ:
            if variable.startswith((PREFIX, "XDG_")):
                patch.delenv(variable)
        patch.setenv("HOME", str(folder))
        patch.chdir(folder)
        patch.setattr(subprocess.Popen, "__init__", refused)
        patch.setattr(asyncio, "create_subprocess_exec", refused)
        patch.setattr("socket.getaddrinfo", numeric_addresses)
        patch.setattr(uvicorn, "run", lambda *_, **__: None)
        patch.setattr("models.catalog.run_in_child", lambda _, name, folder, weights: write_bundle(folder, name))
        patch.setattr("models.classifier.open_engine", EvenEngine)
        yield folder


@settings(max_examples=CALLS, suppress_health_check=[*HealthCheck])
@given(arguments=command_lines(), environ=ENVIRONS)
def test_no_command_line_ends_in_a_traceback(folder: Path, arguments: list[str], environ: dict[str, str]) -> None:
    result = CliRunner().invoke(main, arguments, env=environ)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.exit_code in {0, 1, 2}, result.output
    assert "Traceback" not in result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) <= 1
    assert errors or "Usage: " in result.output or result.exit_code < 2


@pytest.mark.parametrize(
    "arguments",
    [
        [b"classify", b"caf\xe9\n.jpg", b"--model", b"\xff"],
        [b"stream", b"/dev/null", b"--url", b"http://caf\xe9:1"],
        [b"up", b"--data-dir", b"/dev/null/caf\xe9"],
        [b"train", b"\xff\n"],
        [b"models", b"--registry", b"/dev/null/\xff", b"list"],
        [b"\xff\xfe"],
        [b"x" * 100_000],
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii"])
def test_bytes_that_are_no_text_end_in_one_line(arguments: list[bytes], encoding: str) -> None:
    environ = os.environb | {b"PYTHONIOENCODING": encoding.encode(), b"SIGHTSTREAM_PORT": b"0"}
    command = [os.fsencode(sys.executable), b"-m", b"infra.commands", *arguments]
    run = subprocess.run(command, capture_output=True, cwd=ROOT, env=environ, timeout=60)
    assert run.returncode in {0, 1, 2}
    assert len(run.stderr.splitlines()) == (run.returncode > 0)
    assert b"Traceback" not in run.stderr


@pytest.mark.parametrize(
    "variable", [b"SIGHTSTREAM_PORT", b"SIGHTSTREAM_SECRET", b"SIGHTSTREAM_\xff", b"SIGHTSTREAM_BROKER"]
)
def test_a_variable_that_is_no_text_is_named(variable: bytes) -> None:
    command = [os.fsencode(sys.executable), b"-m", b"infra.commands", b"settings"]
    run = subprocess.run(command, capture_output=True, cwd=ROOT, env=os.environb | {variable: b"\xff"}, timeout=60)
    assert run.returncode == 1
    [line] = run.stderr.splitlines()
    assert line.startswith(b"Error: " + variable.replace(b"\xff", rb"\xff"))
    assert len(line) < edge.LONGEST
