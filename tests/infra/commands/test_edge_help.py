"""The help of every command: what it is for, an example, and each option with what it does and its default."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from infra.commands.__main__ import COMMANDS, main
from infra.commands.edge import Command


def commands(command: click.Command, *names: str) -> Iterator[tuple[str, ...]]:
    """The names of a command and of all below it."""
    yield names
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found
            yield from commands(found, *names, name)


ALL = [*commands(main)]
EVERY = pytest.mark.parametrize("names", ALL, ids=" ".join)


def found(names: tuple[str, ...]) -> tuple[click.Context, click.Command]:
    command: click.Command = main
    context = click.Context(main, info_name="sightstream", **main.context_settings)
    for name in names:
        assert isinstance(command, click.Group)
        inner = command.get_command(context, name)
        assert inner
        command = inner
        context = click.Context(command, context, name, **command.context_settings)
    return context, command


def unexplained(context: click.Context, command: click.Command) -> list[str]:
    """The options that do not say what they do, or not their default; --help and --version need none."""
    wrong = []
    for each in command.get_params(context):
        if isinstance(each, click.Option):
            record = each.get_help_record(context)
            says = record[1] if record else ""
            if not (each.help or "").endswith(".") or not (each.is_eager or "[default: " in says):
                wrong.append(each.opts[0])
    return wrong


@EVERY
def test_each_option_says_what_it_does_and_its_default(names: tuple[str, ...]) -> None:
    assert unexplained(*found(names)) == []


def test_an_option_without_purpose_or_default_is_found() -> None:
    @click.command(cls=Command)
    @click.option("--good", default=1, help="Good.")
    @click.option("--worded", show_default="the weather's", help="Good.")
    @click.option("--flag", is_flag=True, help="Good.")
    @click.option("--silent", default=1)
    @click.option("--open", help="No default.")
    def command(**_: object) -> None:
        """Do nothing."""

    context = click.Context(command, **command.context_settings)
    assert unexplained(context, command) == ["--silent", "--open"]


def purpose(command: click.Command) -> str:
    return " ".join((command.help or "").split("\n\n")[0].split())


def example(command: click.Command) -> str:
    """The command line of the example, without the variables before it."""
    words = (command.epilog or "").splitlines()[-1].split(" ")
    return " ".join(word for word in words if word and not word.startswith("SIGHTSTREAM_"))


@EVERY
def test_the_help_begins_with_one_sentence_and_ends_with_an_example(names: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*names, "--help"], prog_name="sightstream")
    assert result.exit_code == 0
    _, command = found(names)
    assert re.fullmatch(r"[A-Z][^.]*( \(.*\))?[^.]*\.", purpose(command))
    assert len(purpose(command)) <= 120
    assert " ".join(result.output.split()).endswith((command.epilog or "-").split("\n", 1)[1].replace("\n ", ""))
    assert example(command).startswith(" ".join(["sightstream", *names]))


@EVERY
def test_an_example_can_be_parsed(names: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cups").mkdir()
    (tmp_path / "PICTURES" / "test").mkdir(parents=True)
    _, command = found(names)
    if not isinstance(command, click.Group):
        command.make_context(names[-1], shlex.split(example(command))[1 + len(names) :])


@EVERY
def test_each_argument_is_explained(names: tuple[str, ...]) -> None:
    _, command = found(names)
    for each in command.params:
        if isinstance(each, click.Argument):
            assert each.human_readable_name.strip("[].") in (command.help or "")


def test_the_list_of_commands_has_the_purpose_of_each() -> None:
    assert [*COMMANDS.values()] == [purpose(found((name,))[1]) for name in COMMANDS]
