"""The dog breeds, end to end: both recipes on the same splits, scored on test, and on pictures that show no dog.

    python -m training.runs.dogs DATA [--outside PICTURES] [--backbone efficientnet_lite2] [--weights FILE]

DATA is laid out as the Udacity dog images are: train, valid and test folders of breeds. PICTURES are photographs of
other things; those whose names start with the number of an ImageNet dog, 151 to 268, are left out.
"""

import json
import re
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from models.bundle import Bundle
from models.classifier import Classifier
from models.engines.base import EngineOptions
from models.images import read_picture
from streams.contract.settings import Settings
from training.report import write_report
from training.scores import score
from training.train import RECIPES, Plan, train

IMAGENET_DOGS = range(151, 269)
BATCH = 8


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--outside", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Pictures of no dog.")
@click.option("--backbone", default="efficientnet_lite2", show_default=True)
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A Keras weights file.")
@click.option("--size", default=0, help="Pixels a side.  [default: each recipe's own]")
@click.option("--out", default=Path("dogs"), show_default=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON on the last line, too.")
def main(
    data: Path, outside: Path | None, backbone: str, weights: Path | None, size: int, out: Path, as_json: bool
) -> None:
    """Train both recipes on DATA into OUT/classic and OUT/best, with their reports."""
    cache = Settings.from_environ().cache
    figures: dict[str, dict[str, Any]] = {}
    with Progress(console=Console(stderr=True)) as bar:
        for recipe in sorted(RECIPES, reverse=True):
            task = bar.add_task(recipe, total=1.0)
            plan = Plan(data, backbone, recipe, f"dogs-{recipe}", weights, size)
            trained = train(
                plan,
                out / recipe,
                cache,
                lambda what, share, task=task: bar.update(task, description=what, completed=share),  # type: ignore[misc]
            )
            answers = trained.answers["test"]
            write_report(
                out / f"{recipe}.html",
                title=f"{plan.name} {trained.bundle.version}",
                scores=score(answers),
                answers=answers,
                picture_root=data,
                about=trained.bundle.manifest.about,
                curves=trained.taught.curves,
            )
            figures[recipe] = dict(trained.bundle.manifest.about["scores"]["test"])
            if outside:
                figures[recipe] |= none_share(trained.bundle, no_dogs(outside), cache)
    show(figures, backbone)
    if as_json:
        click.echo(json.dumps(figures))


def no_dogs(folder: Path) -> list[Path]:
    """The pictures in `folder` but those named after an ImageNet dog."""
    numbered = re.compile(r"(\d{3})_")
    return [
        path
        for path in sorted(folder.glob("*.jpg"))
        if not ((number := numbered.match(path.name)) and int(number[1]) in IMAGENET_DOGS)
    ]


def none_share(bundle: Bundle, pictures: list[Path], cache: Path) -> dict[str, Any]:
    """The share of `pictures` that the served bundle answers "none of these", by the engine that serves it."""
    classifier = Classifier.load(bundle, EngineOptions(cache))
    abstained = []
    for start in range(0, len(pictures), BATCH):
        batch = np.stack([read_picture(path, classifier.input_size) for path in pictures[start : start + BATCH]])
        abstained.append(classifier.judge(batch).abstained)
    classifier.close()
    return {"outside": len(pictures), "none_share": round(float(np.concatenate(abstained).mean()), 4)}


def show(figures: dict[str, dict[str, Any]], backbone: str) -> None:
    """The recipes side by side."""
    table = Table("recipe", "top-1", "top-5", "calibration error", "dogs still named", "no dog: none of these")
    for recipe, each in figures.items():
        none = f"{each['none_share']:.1%} of {each['outside']}" if "none_share" in each else ""
        table.add_row(
            recipe, f"{each['top1']:.1%}", f"{each['top5']:.1%}", f"{each['ece']:.3f}", f"{each['named']:.1%}", none
        )
    console = Console(width=110)
    console.print(f"{backbone}, {next(iter(figures.values()))['n']} test pictures")
    console.print(table)


if __name__ == "__main__":
    main()
