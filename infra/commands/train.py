"""`sightstream train`: makes a model from folders of pictures."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.commands.edge import Command, program
from models.networks import NETWORKS
from models.picture_folder import counted, quoted, shown
from training.recipes import RECIPES

if TYPE_CHECKING:
    from training.train import TrainingPlan, TrainingResult

PRINTED_FAULTS = 20


@click.command(cls=Command, example="sightstream train PICTURES --out cups")
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--backbone",
    type=click.Choice([*NETWORKS]),
    default="efficientnet_lite2",
    help="The published network that the model is built on; the larger ones are slower and better.",
)
@click.option(
    "--weights",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    show_default="the published weights",
    help="A file of Keras weights for the backbone, if it is inception_v3.",
)
@click.option(
    "--recipe", type=click.Choice(RECIPES), default=RECIPES[0], help="How to train; classic is for comparisons."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    show_default="the model's name",
    help="The folder to write the model to. The report is written to the same name with .html at its end.",
)
@click.option("--name", default="", show_default="DATA's name and the recipe's", help="The model's name.")
@click.option(
    "--size",
    type=click.IntRange(32, 1024),
    show_default="the backbone's own, or the recipe's",
    help="Width and height of the square that the network gets, in pixels.",
)
@click.option(
    "--seed",
    default=0,
    help="A number that decides all that is random: which pictures are for test, and the training.",
)
@click.option("--json", "as_json", is_flag=True, help="Also print the scores as JSON, on the last line.")
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
    """Train a model on your own classes, from folders of pictures.

    The model is written as a bundle, a folder that all other commands take, with an HTML report beside it. DATA is
    folders train, valid and test that hold class folders, or one folder of class folders, which is split by
    the seed. After Ctrl-C, the same command continues: features that were extracted are kept.
    """
    from models.bundle import Bundle
    from models.catalog import SMALLEST
    from models.storage import CACHE, check_file, check_folder
    from streams.contract.settings import Settings
    from training.report import ROOM
    from training.train import OUT, TrainingPlan

    plan = TrainingPlan(data, backbone, recipe, name, weights, size or 0, seed)
    out = out or Path(plan.model_name)
    cache = Settings.from_environ().cache
    Bundle.check_target(out, OUT, SMALLEST)
    check_file(report_path(out), OUT, ROOM)
    check_folder(cache, CACHE)
    try:
        result = train_with_progress(plan, out, cache)
    except KeyboardInterrupt as interrupt:
        message = "stopped; no bundle was written; the same command continues from here"
        raise KeyboardInterrupt(message) from interrupt
    print_summary(result, out)
    if report := write_report_beside(result, out):
        click.echo(f"report: {shown(report)}")
    for line in next_steps(result, out, data):
        click.echo(line)
    if as_json:
        scores = result.bundle.manifest.about["scores"]
        click.echo(json.dumps({"bundle": str(out), "version": result.bundle.version, **scores}))


def train_with_progress(plan: "TrainingPlan", out: Path, cache: Path) -> "TrainingResult":
    """Trains, with a progress bar on stderr. Raises what `training.train.train` raises."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    from training.train import train as train_model

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(f"reading {plan.data}", total=1.0)

        def progress(activity: str, share: float) -> None:
            bar.update(task, description=activity, completed=share)

        return train_model(plan, out, cache, progress)


def write_report_beside(result: "TrainingResult", out: Path) -> Path | None:
    """Writes the report of the bundle `out` to `out`.html; None if there are no pictures to report on."""
    from training.train import write_training_report

    path = report_path(out)
    return path if write_training_report(result, path) else None


def report_path(out: Path) -> Path:
    """The path of the report beside the bundle `out`."""
    folder = out.resolve()
    return folder.with_name(f"{folder.name}.html")


def print_summary(result: "TrainingResult", out: Path) -> None:
    """Prints what was left out of the dataset, what the threshold was measured on, and the scores of the model."""
    faults = result.dataset.faults
    sentences = [*faults.sentences()]
    for sentence in sentences[:PRINTED_FAULTS]:
        click.echo(f"  {sentence}")
    if len(sentences) > PRINTED_FAULTS:
        click.echo(f"  and {len(sentences) - PRINTED_FAULTS} more")
    if sentences:
        click.echo(faults.summary())
    for sentence in result.uncertain():
        click.echo(f"  {sentence}")
    names = {"train": "training pictures", "valid": "validation pictures", "test": "test pictures"}
    for split, scores in result.bundle.manifest.about["scores"].items():
        if scores["n"]:
            shares = f"top-1 {scores['top1']:6.1%}  top-5 {scores['top5']:6.1%}"
            click.echo(f"{names[split]:<19}  {shares}  of {scores['n']}")
    classes = counted(len(result.dataset.classes), "class", "classes")
    click.echo(f"model {result.bundle.name}, version {result.bundle.version}, {classes}: the bundle is {shown(out)}")


def next_steps(result: "TrainingResult", out: Path, data: Path) -> Iterator[str]:
    """What to type next to try the bundle `out`, to measure it and to serve it, as lines for a shell."""
    from models.registry import usable_name

    bundle = quoted(f"./{out}" if str(out) in NETWORKS else out)
    splits = result.dataset.splits
    picture = next(pictures[0].path for split in ("test", "valid", "train") if (pictures := splits[split]))
    yield "Label a picture with it:"
    yield f"  {program()} classify --model {bundle} {quoted(picture)}"
    if test := result.dataset.test_folder():
        yield "Measure how good it is, with each class:"
        yield f"  {program()} evaluate {bundle} {quoted(test)}"
    else:
        yield "Measure it, better on new pictures (it has learnt from most of these):"
        yield f"  {program()} evaluate {bundle} {quoted(data)}"
    name = usable_name(result.bundle.name)
    yield "Serve it with `sightstream up`, which may be running:"
    yield f"  {program()} models add {bundle}" + (f" --name {name}" if name != result.bundle.name else "")
    yield f"  {program()} models promote {name} {result.bundle.version}"
