"""`sightstream train`: folders of pictures become a model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from models.networks import NETWORKS

if TYPE_CHECKING:
    from training.train import Plan, Trained

SHOWN_FAULTS = 20


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--backbone", type=click.Choice([*NETWORKS]), default="efficientnet_lite2", show_default=True)
@click.option(
    "--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A Keras weights file for it."
)
@click.option("--recipe", type=click.Choice(["best", "classic"]), default="best", show_default=True)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder of the bundle.  [default: NAME]"
)
@click.option("--name", default="", help="The model's name.  [default: DATA's, and the recipe]")
@click.option("--size", type=click.IntRange(32, 1024), help="Pixels a side.  [default: the recipe's]")
@click.option("--seed", default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON on the last line, too.")
def train(
    data: Path,
    backbone: str,
    weights: Path | None,
    recipe: str,
    out: Path | None,
    name: str,
    size: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Train a model on DATA and write it as a bundle, with a report in HTML beside it.

    DATA is train, valid and test folders of class folders, or one folder of class folders, which is split by the
    seed. Ctrl-C loses nothing that is dear: what was extracted is there the next time.
    """
    from models.catalog import LOADING_ERRORS
    from streams.contract.settings import BadSetting
    from training.dataset import NothingToLearn
    from training.train import Plan

    plan = Plan(data, backbone, recipe, name or f"{data.resolve().name}-{recipe}", weights, size or 0, seed)
    out = out or Path(plan.name)
    try:
        trained = train_showing_progress(plan, out)
    except (BadSetting, FileExistsError, NothingToLearn, *LOADING_ERRORS) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        raise click.ClickException("stopped; the same command goes on from here, and no bundle was written") from None
    tell(trained, out)
    if report := report_of(trained, out):
        click.echo(f"report: {report}")
    if as_json:
        about = trained.bundle.manifest.about
        click.echo(json.dumps({"bundle": str(out), "version": trained.bundle.version, **about["scores"]}))


def train_showing_progress(plan: "Plan", out: Path) -> "Trained":
    """Trains, with a bar on stderr that says what is being done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    from streams.contract.settings import Settings
    from training.train import train as train_model

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(f"reading {plan.data}", total=1.0)

        def progress(what: str, share: float) -> None:
            bar.update(task, description=what, completed=share)

        return train_model(plan, out, Settings.from_environ().cache, progress)


def report_of(trained: "Trained", out: Path) -> Path | None:
    """Writes the report of a training beside its bundle: on the pictures of test, or else of valid."""
    from training.report import write_report
    from training.scores import score

    answers = next((trained.answers[split] for split in ("test", "valid") if trained.answers[split].files), None)
    if answers is None:
        return None
    manifest = trained.bundle.manifest
    folder = out.resolve()
    path = folder.with_name(f"{folder.name}.html")
    write_report(
        path,
        title=f"{manifest.name} {trained.bundle.version}",
        scores=score(answers),
        answers=answers,
        picture_root=Path(),
        about=manifest.about,
        curves=trained.taught.curves,
    )
    return path


def tell(trained: "Trained", out: Path, say: Callable[[str], object] = click.echo) -> None:
    """What was left out, and how good the model is."""
    faults = trained.dataset.faults
    for count, sentence in enumerate(faults.sentences()):
        if count == SHOWN_FAULTS:
            say("  and more of the kind")
            break
        say(f"  {sentence}")
    if any(faults.counts().values()):
        say(", ".join(f"{number} {what}" for what, number in faults.counts().items() if number))
    for split, scores in trained.bundle.manifest.about["scores"].items():
        if scores["n"]:
            say(f"{split:<5}  top-1 {scores['top1']:6.1%}  top-5 {scores['top5']:6.1%}  of {scores['n']}")
    say(f"{trained.bundle.name} {trained.bundle.version}, {len(trained.dataset.classes)} classes, in {out}")
