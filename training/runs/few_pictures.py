"""Few pictures a class: how many good pictures are "none of these", before and after the threshold was changed.

    python -m training.runs.few_pictures DATA --outside PICTURES [--backbone NAME] [--recipe NAME] [--sizes 5,10,20]

DATA and PICTURES are those of `training.runs.dogs`. Each seed chooses five breeds, and of each of them pictures of
train. These are one folder of class folders, which is split as a user's own would be. Both ways of calibrating are
applied to the same head on the same split, and scored on all test pictures of the five breeds.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from models import networks
from models.abstain import SureOf, judge
from models.catalog import published
from models.storage import sha256
from streams.contract.settings import Settings
from training import calibration
from training.best import background_shift
from training.dataset import Picture, read_dataset
from training.evaluation_set import outside_pictures
from training.features import Extractor, extract, stacked
from training.recipes import RECIPES, Features, Labels, Recipe, TrainedHead, TrainingData, load_recipe
from training.runs.dogs import shows_dog
from training.train import extract_splits, head_of

BREEDS = 5


@dataclass(frozen=True)
class Figures:
    """Shares from 0 to 1: good test pictures and pictures without a dog that are "none of these", and top-1.

    `right` of the `answered` test pictures got the right breed.
    """

    good_none: float
    outside_none: float
    right: int
    answered: int


class Trial:
    """A recipe and a backbone, with the features of all pictures that it needs."""

    def __init__(self, data: Path, outside: Path, backbone: str, recipe: str, cache: Path) -> None:
        self.data = data
        self.recipe: Recipe = load_recipe(recipe)
        self._cache = cache
        source = published(backbone, cache, None)
        self._published_head = head_of(source)
        network = networks.facts(backbone)
        view = replace(network.view, size=self.recipe.input_size(network.input_size))
        self._extractor = Extractor(source, cache, view)
        self.breeds = sorted(path.name for path in (data / "train").iterdir())
        pictures = [each.path for each in outside_pictures(outside) if not shows_dog(each)]
        self._outside, _ = self._features([Picture(path, 0, sha256(path)) for path in pictures])

    def run(self, seed: int, size: int) -> tuple[Figures, Figures]:
        """The figures before and after, of `size` pictures of each of five breeds."""
        random = np.random.default_rng(seed)
        chosen = sorted(random.choice(self.breeds, BREEDS, replace=False))
        with tempfile.TemporaryDirectory() as folder:
            for breed in chosen:
                files = sorted((self.data / "train" / breed).glob("*.jpg"))
                (Path(folder) / breed).mkdir()
                for place in random.choice(len(files), size, replace=False):
                    (Path(folder) / breed / files[place].name).symlink_to(files[place].resolve())
            dataset = read_dataset(Path(folder), seed)
            dataset, splits = extract_splits(
                dataset, self._extractor, self._cache / "features", lambda activity, share: None
            )
        test = self._features([*self._test_pictures(chosen)])
        valid = splits["valid"]
        held_back = valid if len(valid[1]) else splits["train"]
        training = TrainingData(*splits["train"], *held_back, BREEDS, self._published_head)
        head = self.recipe.fit(training, seed, lambda activity, share: None)
        measured = calibration.measure(self.recipe.fit, training, valid, head, seed)
        after = calibration.calibrate(measured, BREEDS)
        old = before(old_logits(head, valid[0]), valid[1])
        return (
            figures(old_logits(head, test[0]), old_logits(head, self._outside), test[1], *old, "classes"),
            figures(
                head.logits(test[0]),
                head.logits(self._outside),
                test[1],
                after.temperature,
                after.abstain_below,
                calibration.SURE_OF,
            ),
        )

    def _test_pictures(self, breeds: list[str]) -> Iterator[Picture]:
        for label, breed in enumerate(breeds):
            for path in sorted((self.data / "test" / breed).glob("*.jpg")):
                yield Picture(path, label, sha256(path))

    def _features(self, pictures: list[Picture]) -> tuple[Features, Labels]:
        store, _ = extract(pictures, self._extractor, self._cache / "features")
        return stacked([each for each in pictures if each.digest in store], store)


def old_logits(head: TrainedHead, features: Features) -> NDArray[np.float32]:
    """The logits with the published bias of the background."""
    logits = head.logits(features).copy()
    if head.head.background:
        logits[:, BREEDS:] -= np.float32(background_shift(BREEDS, head.head.background))
    return logits


def before(logits: NDArray[np.float32], labels: Labels) -> tuple[float, float | None]:
    """The temperature and threshold as they were: by the validation pictures alone, (n, classes + background)."""
    if not len(labels):
        return 1.0, None
    temperature = calibration.fit_temperature(logits[:, :BREEDS], labels, spread=float("inf"))
    sure = judge(calibration.probabilities(logits, temperature), BREEDS, None, "classes").sure
    return temperature, float(np.quantile(sure, 1 - calibration.STILL_NAMED, method="lower"))


def figures(
    test: NDArray[np.float32],
    outside: NDArray[np.float32],
    truth: Labels,
    temperature: float,
    threshold: float | None,
    sure_of: SureOf,
) -> Figures:
    """The figures of logits of test and of pictures without a dog, each (n, classes + background)."""
    good, other = (
        judge(calibration.probabilities(each, temperature), BREEDS, threshold, sure_of) for each in (test, outside)
    )
    named = ~good.abstained
    right = good.probabilities.argmax(axis=1) == truth
    return Figures(
        float(good.abstained.mean()),
        float(other.abstained.mean()),
        int((right & named).sum()),
        int(named.sum()),
    )


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--outside", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--backbone", type=click.Choice([*networks.NETWORKS]), default="efficientnet_lite2")
@click.option("--recipe", type=click.Choice(RECIPES), default=RECIPES[0])
@click.option("--sizes", default="5,10,20", help="Pictures a class.", show_default=True)
@click.option("--seeds", default=10, show_default=True)
def main(data: Path, outside: Path, backbone: str, recipe: str, sizes: str, seeds: int) -> None:
    """Print the figures before and after, for each number of pictures a class."""
    trial = Trial(data, outside, backbone, recipe, Settings.from_environ().cache)
    table = Table("pictures a class", "", title=f"{backbone}, {recipe}, {BREEDS} breeds, {seeds} seeds")
    for heading in ("good: none, mean", "most", "no dog: none, mean", "least", "top-1 of answered", "wrong"):
        table.add_column(heading, justify="right")
    for size in map(int, sizes.split(",")):
        both = [trial.run(seed, size) for seed in range(seeds)]
        for name, each in zip(("before", "after"), zip(*both, strict=True), strict=True):
            good, other = [one.good_none for one in each], [one.outside_none for one in each]
            right, answered = sum(one.right for one in each), sum(one.answered for one in each)
            table.add_row(
                str(size),
                name,
                f"{np.mean(good):.1%}",
                f"{max(good):.0%}",
                f"{np.mean(other):.1%}",
                f"{min(other):.0%}",
                f"{right / answered:.2%}" if answered else "–",
                f"{answered - right} of {answered}",
            )
    Console(width=118).print(table)


if __name__ == "__main__":
    main()
