"""The training method of the original demo against the recipe `best`: time, memory and accuracy.

The original demo keeps the 8 by 8 by 2048 feature maps of all pictures and averages them again in every step, four
pictures at a time. `best` averages once and fits a linear head. Both use the same network, pictures and splits. Each
runs in a process of its own.

    python -m training.runs.original DATA [--weights FILE] [--classes 30]
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from infra.commands import edge
from models import networks, runtime
from models.bundle import Bundle
from models.catalog import published
from streams.contract.settings import Settings
from training import best
from training.classic import BATCH, DROPOUT, EPOCHS, HIDDEN, compile_model
from training.dataset import SPLITS, Dataset, read_dataset
from training.features import BATCH as EXTRACTION_BATCH
from training.features import Extractor
from training.linear import accuracy
from training.picture_files import read_batches
from training.recipes import Features, Labels, TrainingData
from training.train import head_of

BACKBONE = "inception_v3"
MAP_SHAPE = (8, 8, 2048)


class Result(TypedDict):
    """The time of the training, its accuracy on test, and the peak memory of its process in MiB."""

    seconds: float
    top1: float
    peak_mb: int


@click.command(cls=edge.Command)
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Of InceptionV3.")
@click.option("--classes", default=30, show_default=True, help="How many of DATA's classes; memory grows with them.")
@click.option("--json", "as_json", is_flag=True, help="Also print the results as JSON, on the last line.")
def main(data: Path, weights: Path | None, classes: int, as_json: bool) -> None:
    """Train InceptionV3's head on DATA by the original method and by ours."""
    cache = Settings.from_environ().cache
    source = published(BACKBONE, cache, weights)
    dataset = first_classes(read_dataset(data), classes)
    with tempfile.TemporaryDirectory(prefix="sightstream-original-") as name:
        folder = Path(name)
        write_feature_maps(dataset, source, cache, folder)
        ours = in_child("ours", folder, source.folder)
        original = in_child("original", folder, source.folder)
    ratio = {
        "faster": round(original["seconds"] / ours["seconds"], 1),
        "memory": round(ours["peak_mb"] / original["peak_mb"], 3),
    }
    print_table(original, ours, len(dataset.classes))
    click.echo(f"{ratio['faster']} times as fast, {ratio['memory']:.1%} of the memory")
    if as_json:
        click.echo(json.dumps({"ours": ours, "original": original, "ratio": ratio}))


def first_classes(dataset: Dataset, count: int) -> Dataset:
    """The dataset's first `count` classes."""
    splits = {
        split: tuple(each for each in pictures if each.label < count) for split, pictures in dataset.splits.items()
    }
    return replace(dataset, classes=dataset.classes[:count], splits=splits)


def write_feature_maps(dataset: Dataset, source: Bundle, cache: Path, folder: Path) -> None:
    """Writes each split's feature maps (n, 8, 8, 2048), their means (n, 2048) and labels (n,) to `folder`."""
    extractor = Extractor(source, cache, networks.facts(BACKBONE).view, pooled=False)
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("feature maps", total=len(dataset.pictures()))
        for split in SPLITS:
            pictures = dataset.splits[split]
            maps = np.lib.format.open_memmap(
                folder / f"{split}.maps.npy", "w+", dtype=np.float32, shape=(len(pictures), *MAP_SHAPE)
            )
            row = 0
            for batch in read_batches(pictures, extractor.view, EXTRACTION_BATCH):
                for path, error in batch.unreadable.items():
                    raise click.ClickException(f"{path}: {error}")
                maps[row : row + len(batch)] = extractor(batch.pixels)
                row += len(batch)
                bar.advance(task, len(batch))
            np.save(folder / f"{split}.pooled.npy", maps.mean(axis=(1, 2)))
            np.save(folder / f"{split}.labels.npy", np.array([each.label for each in pictures]))


def in_child(method: str, folder: Path, source: Path) -> Result:
    """Trains by a method, "original" or "ours", in a process of its own."""
    click.echo(f"training {method}", err=True)
    child = subprocess.run(  # noqa: S603  # our own module, no shell
        [sys.executable, "-m", "training.runs.original", "--child", method, str(folder), str(source)],
        env=os.environ,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: Result = json.loads(child.stdout.splitlines()[-1])
    return result


def print_table(original: Result, ours: Result, classes: int) -> None:
    """Prints a row for each method."""
    table = Table("method", "seconds", "peak MB", "top-1 on test", title=f"{classes} classes")
    for method, each in (("original", original), ("ours", ours)):
        table.add_row(method, f"{each['seconds']:.1f}", f"{each['peak_mb']}", f"{each['top1']:.1%}")
    Console().print(table)


def load_splits(folder: Path, kind: str) -> dict[str, tuple[Features, Labels]]:
    """The features and labels of each split; `kind` is "maps" or "pooled"."""
    return {
        split: (np.load(folder / f"{split}.{kind}.npy"), np.load(folder / f"{split}.labels.npy")) for split in SPLITS
    }


def train_original(folder: Path, source: Bundle) -> tuple[float, float]:
    """Trains the original head on feature maps: the seconds it takes, and the top-1 on test."""
    splits = load_splits(folder, "maps")
    keras = runtime.keras()
    keras.utils.set_random_seed(0)
    began = time.perf_counter()
    maps = keras.Input(MAP_SHAPE)
    features = keras.Model(maps, keras.layers.GlobalAveragePooling2D()(maps))
    model = networks.with_head(features, networks.Head(int(splits["train"][1].max()) + 1, HIDDEN, DROPOUT))
    compile_model(model, 0)
    checkpoint = folder / "best.weights.h5"
    keep_best = keras.callbacks.ModelCheckpoint(checkpoint, save_best_only=True, save_weights_only=True)
    model.fit(
        *splits["train"],
        batch_size=BATCH,
        epochs=EPOCHS,
        verbose=0,
        validation_data=splits["valid"],
        callbacks=[keep_best],
    )
    model.load_weights(checkpoint)
    seconds = time.perf_counter() - began
    return seconds, accuracy(model.predict(splits["test"][0], verbose=0), splits["test"][1])


def train_ours(folder: Path, source: Bundle) -> tuple[float, float]:
    """Trains the head of `best` on pooled features: the seconds it takes, and the top-1 on test."""
    splits = load_splits(folder, "pooled")
    classes = int(splits["train"][1].max()) + 1
    data = TrainingData(*splits["train"], *splits["valid"], classes, head_of(source))
    began = time.perf_counter()
    trained_head = best.fit(data, 0, lambda activity, share: None)
    seconds = time.perf_counter() - began
    return seconds, accuracy(trained_head.logits(splits["test"][0])[:, :classes], splits["test"][1])


def child(method: str, folder: Path, source: Path) -> None:
    """Trains by a method in this process and prints its result as JSON."""
    train = train_original if method == "original" else train_ours
    seconds, top1 = train(folder, Bundle.open(source))
    # not getrusage's maximum, which a child inherits from its parent
    peak_kb = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    print(json.dumps({"seconds": round(seconds, 2), "top1": round(top1, 4), "peak_mb": int(peak_kb) // 1024}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        edge.run(lambda: child(sys.argv[2], *map(Path, sys.argv[3:])))
    else:
        main()
