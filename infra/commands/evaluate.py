"""`sightstream evaluate`: scores a model on pictures whose class is known."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from infra.commands.classify import ENGINE, WEIGHTS
from infra.commands.edge import Command
from models.catalog import find
from models.classifier import Classifier
from models.engines.base import EngineOptions
from models.picture_folder import counted, shown, utf8
from models.storage import check_file
from streams.contract.settings import Settings
from training.evaluation_set import classify_pictures, labelled_pictures, outside_pictures
from training.scores import Scores, score

TABLE_ROWS = 10  # the worst classes and the most frequent confusions
TABLE_WIDTH = 110  # characters, when the output is not a terminal

FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)


class NoReport(RuntimeError):
    """A package that the report needs is not installed."""


class Facts(TypedDict):
    """What was evaluated, for JSON and for the first line of the text output."""

    model: str
    version: str
    engine: str
    precision: str
    unreadable: int


@click.command("evaluate", cls=Command, example="sightstream evaluate cups PICTURES/test --report cups-test.html")
@click.option(
    "--outside",
    type=FOLDER,
    show_default="none",
    help="A folder of pictures of none of the classes, for which “none of these” is right.",
)
@click.option("--report", type=FILE, show_default="no report", help="Also write an HTML report to this file.")
@ENGINE
@WEIGHTS
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON instead of tables.")
@click.argument("bundle", metavar="BUNDLE")
@click.argument("data", metavar="DATA", type=FOLDER)
def evaluate(
    bundle: str,
    data: Path,
    outside: Path | None,
    report: Path | None,
    engine: str | None,
    weights: Path | None,
    as_json: bool,
) -> None:
    """Measure how good a model is, on pictures whose class is known.

    BUNDLE is a bundle folder, as `sightstream train` writes it, or the name of a published network. DATA has a folder
    for each class, named "Some name" or 012.Some_name. For ImageNet's classes, the name may be the WordNet id. Files
    that cannot be read are listed, counted and left out.
    """
    if report:
        check_report(report)
    settings = Settings.from_environ()
    found = find(bundle, settings.cache, weights, settings.registry)
    pictures = labelled_pictures(data, found.manifest.labels, say)
    if outside:
        pictures += outside_pictures(outside, say)
    options = EngineOptions(settings.cache, engine or settings.engine, settings.precision, settings.threads)
    classifier = Classifier.load(found, options)
    with _progress(len(pictures)) as progress:
        answers, unreadable = classify_pictures(classifier, pictures, data, progress)
    for file, error in unreadable.items():
        say(f"{shown(file)}: {error}")
    scores = score(answers)
    facts = Facts(
        model=found.name,
        version=found.version,
        engine=classifier.engine,
        precision=classifier.precision,
        unreadable=len(unreadable),
    )
    if as_json:
        click.echo(json.dumps({**facts, **scores.headline()}))
    else:
        print_scores(facts, scores)
    if report:
        from training.report import write_report

        folders = {
            "data": utf8(data.resolve().name),
            "outside": utf8(outside.resolve().name) if outside else None,
        }
        write_report(
            report,
            title=f"{found.name} {found.version}",
            scores=scores,
            answers=answers,
            picture_root=data,
            crop=found.manifest.network.crop,
            about={"evaluation": {**facts, **folders}, **found.manifest.about},
        )
        if not as_json:
            click.echo(f"report: {shown(report)}")


def say(sentence: str) -> None:
    """Prints what was left out of the pictures, on stderr."""
    click.echo(sentence, err=True)


def check_report(report: Path) -> None:
    """Checks that a report can be written, before minutes of work. Raises NoReport and storage.Unwritable."""
    try:
        from training.report import ROOM
    except ModuleNotFoundError as error:
        if error.name == "training.report":
            raise
        raise NoReport(f"a report needs the package {error.name}: pip install 'sightstream[train]'") from error
    check_file(report, "--report", ROOM)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], object]]:
    columns = TextColumn("pictures"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("pictures", total=total)
        yield lambda count: bar.advance(task, count)


def print_scores(facts: Facts, scores: Scores) -> None:
    """Prints the scores as text and tables."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = TABLE_WIDTH
    console.print(Text("{model} {version}, {engine} {precision}".format(**facts), "bold"))
    figures = Table.grid(padding=(0, 2))
    for name, value in _figures(scores, facts["unreadable"]):
        figures.add_row(name, value)
    console.print("", figures, "", sep="\n", end="")
    console.print(_worst_classes(scores))
    if scores.confusions:
        console.print(_confusions(scores))


def _figures(scores: Scores, unreadable: int) -> Iterator[tuple[str, str]]:
    low, high = scores.top1_range
    yield "top-1", f"{scores.top1:.1%}  (95% interval: {low:.1%} to {high:.1%})"
    yield "top-5", f"{scores.top5:.1%}"
    yield "calibration error", f"{scores.ece:.3f}"
    yield "pictures", f"{scores.n}" + (f", and {unreadable} that could not be read" if unreadable else "")
    if scores.named_share < 1 or scores.outside:
        correct = "" if scores.named_top1 is None else f", {scores.named_top1:.1%} of them correctly"
        yield "answered with a class", f"{scores.named_share:.1%}{correct}"
    if scores.none_share is not None:
        pictures = counted(scores.outside, "picture")
        yield "none of these", f"{scores.none_share:.1%} of {pictures} of none of the classes"


def _worst_classes(scores: Scores) -> Table:
    worst = f"The {counted(len(scores.classes), 'class', 'classes')}, those with the lowest recall first"
    table = Table("class", title=worst, title_justify="left")
    for heading in ("pictures", "recall", "precision"):
        table.add_column(heading, justify="right")
    table.add_column("most often confused with")
    for each in scores.classes[:TABLE_ROWS]:
        precision = "–" if each.precision is None else f"{each.precision:.0%}"
        confused_with = f"{each.confused_with} ({each.confused})" if each.confused_with else ""
        table.add_row(Text(each.label), str(each.n), f"{each.recall:.0%}", precision, Text(confused_with))
    return table


def _confusions(scores: Scores) -> Table:
    table = Table("pictures of", "taken for", title="The most frequent confusions", title_justify="left")
    table.add_column("times", justify="right")
    for each in scores.confusions[:TABLE_ROWS]:
        table.add_row(Text(scores.labels[each.truth]), Text(scores.labels[each.answer]), str(each.count))
    return table
