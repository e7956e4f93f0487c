"""When a published network is not sure: the probability below which fewer than half of its labels are right.

    python -m training.runs.unsure PICTURES... [--network NAME] [--weights FILE]

Each of PICTURES is a folder of class folders, called as ImageNet's classes or their WordNet ids. Such pictures are
sharp, well lit and centred, and networks have learned from most of them. So each is also seen as a webcam would show
it, MILD and STRONG: nearer and off centre, out of focus, in dim and coloured light, with noise. The result is
`UNSURE_BELOW` of `models.networks`.
"""

import io
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from rich.console import Console
from rich.table import Table

from models.catalog import find
from models.classifier import Classifier
from models.engines.base import EngineOptions
from models.images import read_picture
from models.networks import NETWORKS
from streams.contract.settings import Settings
from training.calibration import unsure_threshold
from training.evaluation_set import EvaluationPicture, labelled_pictures

AS_IT_IS, MILD, STRONG = 0, 1, 2
SIDE = 480  # pixels: a webcam's short side
BATCH = 8


def as_by_webcam(picture: Image.Image, level: int, chance: np.random.Generator) -> Image.Image:
    """The picture as a webcam would show it, with faults of this level, 0 for none."""
    if not level:
        return picture
    short = min(picture.size)
    side = short * chance.uniform(1 - 0.25 * level, 1)
    corner = [
        np.clip((length - side) / 2 + chance.uniform(-0.15, 0.15) * level * side, 0, length - side)
        for length in picture.size
    ]
    box = (*corner, *(start + side for start in corner))
    picture = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box)
    picture = picture.filter(ImageFilter.GaussianBlur(chance.uniform(0, 2.5) * level))
    light = np.asarray(picture).astype(np.float32) / 255
    light = light ** chance.uniform(1, 1 + 0.4 * level) * chance.uniform(1 - 0.35 * level, 1)
    light = light * chance.uniform(1 - 0.1 * level, 1 + 0.1 * level, 3)  # of red, green and blue
    light = light + chance.normal(0, 0.03 * level, light.shape)
    jpeg = io.BytesIO()
    Image.fromarray((np.clip(light, 0, 1) * 255).astype(np.uint8)).save(jpeg, "JPEG", quality=60)
    return Image.open(jpeg).convert("RGB")


def first_labels(
    classifier: Classifier, pictures: Sequence[EvaluationPicture], level: int
) -> Iterator[tuple[float, bool]]:
    """The probability of the first label of each picture, and whether it is right."""
    size, crop = classifier.view.size, classifier.view.crop
    for start in range(0, len(pictures), BATCH):
        batch = pictures[start : start + BATCH]
        seen = [
            as_by_webcam(
                Image.open(each.path).convert("RGB"),
                level,
                np.random.default_rng(zlib.crc32(each.path.name.encode())),
            )
            for each in batch
        ]
        rows = classifier.probabilities(np.stack([read_picture(each, size, crop) for each in seen]))
        for each, row in zip(batch, rows, strict=True):
            yield float(row.max()), int(row.argmax()) in each.classes


def row(name: str, first: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[str, ...]:
    """A line of the table: top-1, the threshold, the share below it, and how many are right below and above it."""
    below = first < (threshold := unsure_threshold(first, right))
    shares = [
        float(part.mean()) if len(part) else float("nan") for part in (right, below, right[below], right[~below])
    ]
    return name, str(len(first)), f"{threshold:.2f}", *(f"{share:.1%}" for share in shares)


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--network", type=click.Choice([*NETWORKS]), default="efficientnet_lite2")
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(folders: tuple[Path, ...], network: str, weights: Path | None) -> None:
    """Print the threshold for each folder and level, and for all of them together."""
    settings = Settings.from_environ()
    bundle = find(network, settings.cache, weights)
    classifier = Classifier.load(bundle, EngineOptions(settings.cache, precision=settings.precision))
    table = Table("pictures", "n", "threshold", "top-1", "below", "right below", "right above", title=network)
    parts = []
    for folder in folders:
        pictures = labelled_pictures(folder, bundle.manifest.labels)
        for level, name in ((AS_IT_IS, "as it is"), (MILD, "mild"), (STRONG, "strong")):
            first, right = map(np.array, zip(*first_labels(classifier, pictures, level), strict=True))
            parts.append((first, right))
            table.add_row(*row(f"{folder.name}, {name}", first, right))
    together = (np.concatenate(each) for each in zip(*parts, strict=True))
    table.add_row(*row("all", *together))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
