"""The dog breeds: trains every recipe on the same splits, scores it on test and on pictures without a dog.

    python -m training.runs.dogs DATA [--outside PICTURES] [--backbone efficientnet_lite2] [--weights FILE]

DATA has the layout of the Udacity dog images: folders train, valid and test of breeds. PICTURES is a folder of other
photographs. Files whose names start with the ImageNet index of a dog, 151 to 268, are left out.
"""

import json
import re
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from infra.commands.edge import Command
from models.bundle import Bundle
from models.classifier import Classifier
from models.engines.base import EngineOptions
from streams.contract.settings import Settings
from training.evaluation_set import EvaluationPicture, classify_pictures, outside_pictures
from training.recipes import RECIPES
from training.train import TrainingPlan, train, write_training_report

IMAGENET_DOGS = range(151, 269)


@click.command(cls=Command)
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--outside", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Pictures of no dog.")
@click.option("--backbone", default="efficientnet_lite2", show_default=True)
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A Keras weights file.")
@click.option("--size", default=0, help="Pixels a side.  [default: each recipe's own]")
@click.option("--out", default=Path("dogs"), show_default=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Also print the results as JSON, on the last line.")
def main(
    data: Path, outside: Path | None, backbone: str, weights: Path | None, size: int, out: Path, as_json: bool
) -> None:
    """Train each recipe on DATA into a folder of OUT, with a report beside it."""
    cache = Settings.from_environ().cache
    results: dict[str, dict[str, float]] = {}
    with Progress(console=Console(stderr=True)) as bar:
        for recipe in RECIPES:
            task = bar.add_task(recipe, total=1.0)

            def progress(activity: str, share: float, task: TaskID = task) -> None:
                bar.update(task, description=activity, completed=share)

            plan = TrainingPlan(data, backbone, recipe, f"dogs-{recipe}", weights, size)
            trained = train(plan, out / recipe, cache, progress)
            write_training_report(trained, out / f"{recipe}.html")
            results[recipe] = dict(trained.bundle.manifest.about["scores"]["test"])
            if outside:
                results[recipe] |= none_share(trained.bundle, outside, cache)
    print_table(results, backbone)
    if as_json:
        click.echo(json.dumps(results))


def none_share(bundle: Bundle, outside: Path, cache: Path) -> dict[str, float]:
    """The share of the pictures in `outside` to which the bundle, in its engine, answers "none of these"."""
    pictures = [picture for picture in outside_pictures(outside) if not shows_dog(picture)]
    classifier = Classifier.load(bundle, EngineOptions(cache))
    answers, _ = classify_pictures(classifier, pictures, outside)
    classifier.close()
    return {"outside": len(answers.files), "none_share": round(float(answers.abstained.mean()), 4)}


def shows_dog(picture: EvaluationPicture) -> bool:
    """Whether the file is named after an ImageNet dog: `151_n02085620_Chihuahua.jpg`."""
    index = re.match(r"(\d{3})_", picture.path.name)
    return index is not None and int(index[1]) in IMAGENET_DOGS


def print_table(results: dict[str, dict[str, float]], backbone: str) -> None:
    """Prints a row for each recipe."""
    table = Table("recipe", "top-1", "top-5", "calibration error", "dogs still named", "no dog: none of these")
    for recipe, each in results.items():
        none = f"{each['none_share']:.1%} of {each['outside']}" if "none_share" in each else ""
        table.add_row(
            recipe, f"{each['top1']:.1%}", f"{each['top5']:.1%}", f"{each['ece']:.3f}", f"{each['named']:.1%}", none
        )
    console = Console(width=110)
    console.print(f"{backbone}, {next(iter(results.values()))['n']} test pictures")
    console.print(table)


if __name__ == "__main__":
    main()
