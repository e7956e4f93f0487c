"""`sightstream evaluate`: how good a model is on pictures whose class is known."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from models.catalog import LOADING_ERRORS, find
from models.classifier import Classifier
from models.engines.base import EngineOptions
from models.engines.registry import ENGINES
from streams.contract.settings import BadSetting, Settings
from training.evaluation_set import NoPictures, UnknownClasses, framing, labelled, outsiders, sit
from training.scores import Answers, NothingToScore, Scores, score

WORST = 10  # classes and confusions that the tables show
WIDTH = 110  # of tables that do not go to a terminal

FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)


class NoReport(RuntimeError):
    """The report cannot be written, or what writes it is not installed."""


@click.command("evaluate")
@click.option("--outside", type=FOLDER, help="Pictures of none of the classes: they should get “none of these”.")
@click.option("--report", type=FILE, help="Write an HTML report to this file.")
@click.option("--engine", type=click.Choice(ENGINES), help="What runs it.  [default: openvino]")
@click.option("--weights", type=FILE, help="A Keras weights file for inception_v3.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON instead of tables.")
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
    """Score BUNDLE, a bundle folder or a published network, on the pictures in DATA.

    DATA has a folder for each class, called as the class is, or 012.Some_name; ImageNet's classes also go by their
    WordNet ids. Files that cannot be read are named, counted and left out.
    """
    try:
        write = _writer(report) if report else None
        settings = Settings.from_environ()
        found = find(bundle, settings.cache, weights)
        crop = framing(found.manifest)
        pictures = labelled(data, found.manifest.labels) + (outsiders(outside) if outside else [])
        options = EngineOptions(settings.cache, engine or settings.engine, settings.precision, settings.threads)
        classifier = Classifier.load(found, options)
        with _progress(len(pictures)) as tick:
            answers, unreadable = sit(classifier, pictures, data, crop, tick)
        for file, error in unreadable.items():
            click.echo(f"{file}: {error}", err=True)
        scores = score(answers)
        facts = {
            "model": found.name,
            "version": found.version,
            "engine": classifier.engine,
            "precision": classifier.precision,
            "unreadable": len(unreadable),
        }
        if write:
            names = {"data": data.resolve().name, "outside": outside.resolve().name if outside else None}
            about = {"evaluation": facts | names} | dict(found.manifest.about)
            write(f"{found.name} {found.version}", scores, answers, data, about)
    except (BadSetting, NoPictures, NoReport, NothingToScore, UnknownClasses, *LOADING_ERRORS) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(facts | scores.headline()))
    else:
        show(facts, scores)


def _writer(report: Path) -> Callable[[str, Scores, Answers, Path, Mapping[str, Any]], None]:
    """Writes the report; that it can be is found out now, not after minutes of work."""
    try:
        from training.report import write_report
    except ModuleNotFoundError as error:
        if error.name == "training.report":
            raise
        raise NoReport(f"a report needs the package {error.name}: pip install 'sightstream[train]'") from error
    try:
        report.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NoReport(f"{report} cannot be written: {error}") from error

    def write(title: str, scores: Scores, answers: Answers, root: Path, about: Mapping[str, Any]) -> None:
        try:
            write_report(report, title=title, scores=scores, answers=answers, picture_root=root, about=about)
        except OSError as error:
            raise NoReport(f"{report} cannot be written: {error}") from error

    return write


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], object]]:
    columns = TextColumn("pictures"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("pictures", total=total)
        yield lambda count: progress.advance(task, count)


def show(facts: Mapping[str, Any], scores: Scores) -> None:
    """The scores for people, on stdout."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    console.print(Text("{model} {version}, {engine} {precision}".format(**facts), "bold"))
    figures = Table.grid(padding=(0, 2))
    for name, value in _figures(scores, int(facts["unreadable"])):
        figures.add_row(name, value)
    console.print("", figures, "", sep="\n", end="")
    console.print(_worst(scores))
    if scores.confusions:
        console.print(_confusions(scores))


def _figures(scores: Scores, unreadable: int) -> Iterator[tuple[str, str]]:
    low, high = scores.top1_range
    yield "top-1", f"{scores.top1:.1%}  (with 95% between {low:.1%} and {high:.1%})"
    yield "top-5", f"{scores.top5:.1%}"
    yield "calibration error", f"{scores.ece:.3f}"
    yield "pictures", f"{scores.n}" + (f", and {unreadable} that could not be read" if unreadable else "")
    if scores.named_share < 1 or scores.outside:
        rightly = "" if scores.named_top1 is None else f", {scores.named_top1:.1%} of them rightly"
        yield "named", f"{scores.named_share:.1%}{rightly}"
    if scores.none_share is not None:
        yield "none of these", f"{scores.none_share:.1%} of {scores.outside} outside pictures"


def _worst(scores: Scores) -> Table:
    table = Table("class", title=f"The worst of {len(scores.classes)} classes", title_justify="left")
    for heading in ("pictures", "recall", "precision"):
        table.add_column(heading, justify="right")
    table.add_column("most taken for")
    for each in scores.classes[:WORST]:
        precision = "–" if each.precision is None else f"{each.precision:.0%}"
        taken_for = f"{each.confused_with} ({each.confused})" if each.confused_with else ""
        table.add_row(Text(each.label), str(each.n), f"{each.recall:.0%}", precision, Text(taken_for))
    return table


def _confusions(scores: Scores) -> Table:
    table = Table("pictures of", "taken for", title="The most frequent confusions", title_justify="left")
    table.add_column("times", justify="right")
    for each in scores.confusions[:WORST]:
        table.add_row(Text(scores.labels[each.truth]), Text(scores.labels[each.answer]), str(each.count))
    return table
