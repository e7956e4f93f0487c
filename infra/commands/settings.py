"""``sightstream settings``: all settings of this machine, with their values and meanings."""

import json
import sys
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import TypedDict

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from infra.commands.edge import Command
from streams.contract.settings import Settings, choices, variable_of

WIDTH = 110  # columns, when the output is not a terminal
MASK = "********"


class Entry(TypedDict):
    """One setting; ``choices`` is empty if the values are not limited to a few."""

    group: str
    variable: str
    value: object
    default: object
    choices: tuple[str, ...]
    meaning: str


@click.command(cls=Command, example="SIGHTSTREAM_PORT=8080 sightstream settings")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def settings(as_json: bool) -> None:
    """Show all settings: variable, value, default and meaning.

    A value comes from the environment, else from the file .env in this folder, else from a file in
    SIGHTSTREAM_SECRETS_DIR (by default /run/secrets) with the variable's name in lower case, else it is the default.
    """
    found = [*entries(Settings.from_environ())]
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    console.print(table(found))


def entries(values: Settings) -> Iterator[Entry]:
    """All settings in their groups; secrets are masked."""
    value, default = values.model_dump(mode="json"), Settings().model_dump(mode="json")
    for group, fields in Settings.groups():
        for name, field in fields.items():
            yield Entry(
                group=group,
                variable=variable_of(name),
                value=value[name] if field.repr or not value[name] else MASK,
                default=default[name],
                choices=choices(field),
                meaning=field.description or "",
            )


def table(found: list[Entry]) -> Table:
    """The entries as a table with a section for each group; values that are not the default are bold."""
    shown = Table(
        Column("variable", no_wrap=True),
        Column("value", overflow="fold", max_width=16),
        Column("default", overflow="fold", max_width=16),
        Column("meaning", ratio=1),
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for group, each_in_group in groupby(found, key=itemgetter("group")):
        shown.add_row()
        shown.add_row(Text(group, style="bold"))
        for each in each_in_group:
            meaning = each["meaning"] + (f" One of {', '.join(each['choices'])}." if each["choices"] else "")
            style = "" if each["value"] == each["default"] else "bold"
            value, default = Text(text(each["value"]), style=style), Text(text(each["default"]))
            shown.add_row(each["variable"], value, default, Text(meaning))
    return shown


def text(value: object) -> str:
    """A value as it is written in a variable."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
