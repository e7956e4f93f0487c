"""The edge of every command: whatever happens in it, the user gets one line and an exit status, never a traceback.

An exception whose class is defined in this project is an expected error: its message says what is wrong and what to
do next, and it is printed as it is. So its class alone gives an error its line, and no command catches one only to
print it. What Python and the operating system raise is described here. All else is a bug, and the line says so.
"""

import os
import re
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any, NoReturn

import click

from models.picture_folder import quoted, shown

PARTS = {"infra", "streams", "web", "models", "training", "__main__"}
DEBUG = "SIGHTSTREAM_DEBUG"
INTERRUPTED = 130  # what shells give for a process that SIGINT ended
BUG = 70  # EX_SOFTWARE in sysexits.h
LONGEST = 2000  # characters of a line


class Command(click.Command):
    """A command whose errors become one line, as this module describes, wherever it is called from.

    Its help ends with an ``example``, and shows the default of each option: where that is none, or only known later,
    ``show_default`` says it in words.
    """

    def __init__(self, *args: Any, example: str = "", **kwargs: Any) -> None:
        epilog = f"\b\nExample:\n  {example}" if example else None
        super().__init__(*args, **{"epilog": epilog, "context_settings": {"show_default": True}, **kwargs})
        text = f"Show the traceback of an error, as with {DEBUG}=1."
        self.params.append(click.Option(["--debug"], is_flag=True, expose_value=False, help=text))
        for each in self.params:
            if isinstance(each, click.Option) and each.is_flag and not each.is_eager:
                each.show_default = "off"

    def main(  # type: ignore[override]  # it never returns
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **kwargs: Any
    ) -> NoReturn:
        """Run the command and end the process."""
        # not left to the parser: the error may come before it has seen the option
        debug = "--debug" in (sys.argv[1:] if args is None else args) or debugging()
        kwargs["standalone_mode"] = False
        run(lambda: super(Command, self).main(args, prog_name, **kwargs), debug=debug)


class Group(Command, click.Group):
    """A group of such commands."""

    command_class = Command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the purpose of each command, the whole sentence."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.get_short_help_str(200)) for name, each in commands.items() if each])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that ``args`` begins with, and name a similar one if there is none."""
        names = self.list_commands(ctx)
        if args[0] in names or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        close = get_close_matches(args[0], names, n=1)
        ctx.fail(f"No such command: {args[0]}." + (f" Did you mean {close[0]}?" if close else ""))


def program() -> str:
    """What the user types to run ``sightstream``: its path, where the shell would not find it by name."""
    typed = Path(sys.argv[0])
    return quoted(typed) if typed.name == "sightstream" and not shutil.which("sightstream") else "sightstream"


def debugging() -> bool:
    """Whether the environment asks for tracebacks."""
    return os.environ.get(DEBUG, "") not in {"", "0"}


def run(command: Callable[[], object], *, debug: bool | None = None) -> NoReturn:
    """Call ``command`` and end the process, with its result as the exit status if that is an integer."""
    _open_standard_streams()
    before, sys.unraisablehook = sys.unraisablehook, _end_if_interrupted
    try:
        try:
            status = command()
        except SystemExit as ended:
            status = ended.code
        sys.stdout.flush()
    except BaseException as error:
        status = report(error, debugging() if debug is None else debug)
    finally:
        sys.unraisablehook = before
    sys.exit(status if isinstance(status, int | str) else None)


def report(error: BaseException, debug: bool = False) -> int:
    """Print the line for ``error`` on standard error, and return the exit status."""
    error = cause(error)
    line, status = describe(error)
    failed = [*_failed_streams()]
    if isinstance(error, BrokenPipeError) and failed:  # as in `sightstream settings | head`
        return status
    if failed:
        line = f"{failed[0]} cannot be written: {line}"
    with suppress(OSError, ValueError):
        if debug:
            traceback.print_exception(error)
        if line:
            print(f"Error: {one_line(line)}", file=sys.stderr, flush=True)
    return status


def cause(error: BaseException) -> BaseException:
    """The error to report: of a group, the first expected one, else the first."""
    if isinstance(error, click.Abort) and error.__cause__:  # click's word for KeyboardInterrupt and EOFError
        return error.__cause__
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [cause(each) for each in error.exceptions]
    return next((each for each in causes if is_expected(each)), causes[0])


def is_expected(error: BaseException) -> bool:
    """Whether the message of ``error`` is complete."""
    return isinstance(error, click.ClickException) or type(error).__module__.split(".")[0] in PARTS


def describe(error: BaseException) -> tuple[str, int]:
    """What is wrong and what to do, in one sentence or more, and the exit status."""
    match error:
        case KeyboardInterrupt() | click.Abort():
            return str(error), INTERRUPTED
        case click.exceptions.NoArgsIsHelpError():
            error.show()
            return "", error.exit_code
        case click.ClickException():
            return _usage(error), error.exit_code
        case _ if is_expected(error):
            return str(error) or type(error).__name__, 1
        case ModuleNotFoundError(name=str(name)) if name.split(".")[0] not in PARTS:
            return f"this needs the package {name}: pip install 'sightstream[all]'", 1
        case OSError():
            return _with_path(error), 1
        case MemoryError():
            return "there is not enough memory", 1
        case RecursionError():
            return f"something that was read is nested too deeply ({error})", 1
        case UnicodeError():
            return f"a text cannot be read or written ({error}): rename the file, or save it as UTF-8", 1
    return f"this is a bug in sightstream, {type(error).__name__}: {error}; {_where_to_report()}", BUG


def one_line(text: str) -> str:
    """The text on one line that any output can show, shortened in the middle."""
    line = shown(" ".join(each.strip() for each in text.splitlines()))
    line = re.sub(r"\\udc([89a-f][0-9a-f])", r"\\x\1", line)  # repr() of a name has these for bytes that are no UTF-8
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} ... {line[-LONGEST // 4 :]}"


def _usage(error: click.ClickException) -> str:
    message = error.format_message()
    if isinstance(error, click.NoSuchOption) and error.possibilities:
        message = f"{error.message}. Did you mean {' or '.join(error.possibilities)}?"
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return message
    end = "" if message.endswith((".", "?")) else "."
    return f"{message}{end} Try `{error.ctx.command_path} --help`"


def _with_path(error: OSError) -> str:
    paths = [os.fsdecode(each) for each in (error.filename, error.filename2) if isinstance(each, str | bytes)]
    reason = error.strerror or str(error) or type(error).__name__
    return ": ".join([*map(shown, paths), reason])


def _where_to_report() -> str:
    with suppress(PackageNotFoundError):
        for entry in metadata("sightstream").get_all("Project-URL") or ():
            name, _, url = entry.partition(", ")
            if name.casefold() in {"issues", "bug tracker", "repository", "homepage"}:
                return f"report it at {url} with the output of the same command with --debug"
    return "report it with the output of the same command with --debug"


def _open_standard_streams() -> None:
    """Let every text be written: what the encoding lacks is escaped, and a stream that is closed leads nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            # it takes the free file descriptor, which no file of ours should get
            file = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(file, True)
            setattr(sys, name, open(file, mode, encoding="utf-8"))  # noqa: SIM115, PTH123  # open until the end
        elif mode == "w" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _end_if_interrupted(ignored: "sys.UnraisableHookArgs") -> None:
    """End the process where Python would print and ignore a KeyboardInterrupt, as in a weak reference's callback.

    An import that goes on after that may wait for ever, because the callback frees its lock.
    """
    if isinstance(ignored.exc_value, KeyboardInterrupt):
        os._exit(INTERRUPTED)
    sys.__unraisablehook__(ignored)


def _failed_streams() -> Iterator[str]:
    """The standard streams that cannot be written. They then lead nowhere, so that Python's own flush succeeds."""
    for name, stream in (("standard output", sys.stdout), ("standard error", sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            yield name
