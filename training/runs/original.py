"""The original way beside ours: how long the head takes, what memory it holds, how often it is right.

The original keeps every picture's 8 by 8 by 2048 feature map and averages it anew in every step, four pictures at a
time. Ours averages once and fits a linear head. Both start from the same network, the same pictures and splits, in
processes of their own.

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
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from models import networks, runtime
from models.bundle import Bundle
from models.catalog import published
from models.images import read_ahead
from streams.contract.settings import Settings
from training.best import best
from training.classic import BATCH, DROPOUT, EPOCHS, HIDDEN, compile_classic
from training.dataset import SPLITS, Dataset, read_dataset
from training.features import Extractor, View
from training.linear import Features, accuracy
from training.recipes import Labels, TrainingData
from training.train import known_head

BACKBONE = "inception_v3"
MAPS = (8, 8, 2048)


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Of InceptionV3.")
@click.option("--classes", default=30, show_default=True, help="How many of DATA's classes; memory grows with them.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON on the last line, too.")
def main(data: Path, weights: Path | None, classes: int, as_json: bool) -> None:
    """Train InceptionV3's head on DATA the original way and ours, each in a process of its own."""
    cache = Settings.from_environ().cache
    source = published(BACKBONE, cache, weights)
    dataset = first_classes(read_dataset(data), classes)
    with tempfile.TemporaryDirectory(prefix="sightstream-original-") as name:
        folder = Path(name)
        write_maps(dataset, source, cache, folder)
        figures = {way: in_child(way, folder, source.folder) for way in ("ours", "original")}
    ours, original = figures["ours"], figures["original"]
    figures["ratio"] = {
        "faster": round(original["seconds"] / ours["seconds"], 1),
        "memory": round(ours["peak_mb"] / original["peak_mb"], 3),
    }
    show(figures, dataset)
    if as_json:
        click.echo(json.dumps(figures))


def first_classes(dataset: Dataset, count: int) -> Dataset:
    """The dataset's first `count` classes."""
    splits = {
        split: tuple(each for each in pictures if each.label < count) for split, pictures in dataset.splits.items()
    }
    return replace(dataset, classes=dataset.classes[:count], splits=splits)


def write_maps(dataset: Dataset, source: Bundle, cache: Path, folder: Path) -> None:
    """Each split's feature maps (n, 8, 8, 2048), their means (n, 2048) and labels (n,), as files in `folder`."""
    extractor = Extractor(source, cache, View(networks.facts(BACKBONE).input_size), pooled=False)
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("feature maps", total=len(dataset.pictures()))
        for split in SPLITS:
            pictures = dataset.splits[split]
            maps = np.lib.format.open_memmap(
                folder / f"{split}.maps.npy", "w+", dtype=np.float32, shape=(len(pictures), *MAPS)
            )
            shown = read_ahead([each.path for each in pictures], extractor.view.size, extractor.view.crop)
            for row, (picture, pixels) in enumerate(zip(pictures, shown, strict=True)):
                if isinstance(pixels, str):
                    raise click.ClickException(f"{picture.path}: {pixels}")
                maps[row] = extractor(pixels[None])[0]
                bar.advance(task)
            np.save(folder / f"{split}.pooled.npy", maps.mean(axis=(1, 2)))
            np.save(folder / f"{split}.labels.npy", np.array([each.label for each in pictures]))


def in_child(way: str, folder: Path, source: Path) -> dict[str, Any]:
    """Train one way in a process of its own: its seconds, its accuracy on test, and its peak of memory."""
    click.echo(f"training {way}", err=True)
    child = subprocess.run(  # noqa: S603  # our own module, no shell
        [sys.executable, "-m", "training.runs.original", "--child", way, str(folder), str(source)],
        env=os.environ,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    figures: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    return figures


def show(figures: dict[str, Any], dataset: Dataset) -> None:
    """The two ways side by side."""
    table = Table("way", "seconds", "peak MB", "top-1 on test", title=f"{len(dataset.classes)} classes")
    for way in ("original", "ours"):
        each = figures[way]
        table.add_row(way, f"{each['seconds']:.1f}", f"{each['peak_mb']}", f"{each['top1']:.1%}")
    Console().print(table)
    ratio = figures["ratio"]
    click.echo(f"{ratio['faster']} times as fast, {ratio['memory']:.1%} of the memory")


def loaded(folder: Path, kind: str) -> dict[str, tuple[Features, Labels]]:
    """What each split has of this kind, maps or means of them, and its labels."""
    names = {split: (folder / f"{split}.{kind}.npy", folder / f"{split}.labels.npy") for split in SPLITS}
    return {split: (np.load(features), np.load(labels)) for split, (features, labels) in names.items()}


def teach_original(folder: Path, source: Bundle) -> tuple[float, float]:
    """The original's head on whole maps: the seconds it takes, and top-1 on test."""
    splits = loaded(folder, "maps")
    keras = runtime.keras()
    keras.utils.set_random_seed(0)
    began = time.perf_counter()
    maps = keras.Input(MAPS)
    features = keras.Model(maps, keras.layers.GlobalAveragePooling2D()(maps))
    model = networks.with_head(features, networks.Head(int(splits["train"][1].max()) + 1, HIDDEN, DROPOUT))
    compile_classic(model, 0)
    checkpoint = folder / "best.weights.h5"
    keep = keras.callbacks.ModelCheckpoint(checkpoint, save_best_only=True, save_weights_only=True)
    watched = {"validation_data": splits["valid"], "callbacks": [keep]}
    model.fit(*splits["train"], batch_size=BATCH, epochs=EPOCHS, verbose=0, **watched)
    model.load_weights(checkpoint)
    seconds = time.perf_counter() - began
    return seconds, accuracy(model.predict(splits["test"][0], verbose=0), splits["test"][1])


def teach_ours(folder: Path, source: Bundle) -> tuple[float, float]:
    """The head of `best` on pooled features: the seconds it takes, and top-1 on test."""
    splits = loaded(folder, "pooled")
    classes = int(splits["train"][1].max()) + 1
    lesson = TrainingData(*splits["train"], *splits["valid"], classes, known_head(source))
    began = time.perf_counter()
    taught = best(lesson, 0, lambda what, share: None)
    seconds = time.perf_counter() - began
    return seconds, accuracy(taught.logits(splits["test"][0])[:, :classes], splits["test"][1])


def child(way: str, folder: Path, source: Path) -> None:
    """Train one way and print its figures."""
    teach = teach_original if way == "original" else teach_ours
    seconds, top1 = teach(folder, Bundle.open(source))
    # not getrusage's maximum, which a child has from its parent
    peak_kb = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    print(json.dumps({"seconds": round(seconds, 2), "top1": round(top1, 4), "peak_mb": int(peak_kb) // 1024}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], *map(Path, sys.argv[3:]))
    else:
        main()
