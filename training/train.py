"""From a folder of pictures to a bundle: read, extract, teach, calibrate, score, write."""

import importlib.metadata
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file

from models import networks
from models.abstain import Judgement, judge
from models.bundle import WEIGHTS, Bundle, Manifest
from models.catalog import published
from models.images import CENTRE_CROP
from training import calibration
from training.best import best, larger
from training.classic import classic
from training.dataset import SPLITS, Dataset, read_dataset
from training.features import Extractor, View, extract, stacked
from training.linear import Linear
from training.recipes import Labels, Progress, TrainedHead, TrainingData
from training.scores import Answers, score

TOOLS = ("keras", "numpy", "openvino", "scipy", "tensorflow")

Recipe = Callable[[TrainingData, int, Progress], TrainedHead]
RECIPES: dict[str, Recipe] = {"best": best, "classic": classic}


@dataclass(frozen=True)
class Plan:
    """What is to be trained: on which pictures, on which network, by which recipe.

    `size` is the side in pixels at which pictures are looked at; 0 leaves it to the recipe.
    """

    data: Path
    backbone: str
    recipe: str = "best"
    name: str = ""
    weights: Path | None = None
    size: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Trained:
    """A bundle that is written, and all that there is to tell of it."""

    bundle: Bundle
    dataset: Dataset
    taught: TrainedHead
    answers: Mapping[str, Answers]


def train(plan: Plan, out: Path, cache: Path, progress: Progress = lambda what, share: None) -> Trained:
    """Trains as planned and writes the bundle to the folder `out`, whole or not at all.

    Raises dataset.NothingToLearn, FileExistsError when `out` holds something else, and what `catalog.published` does.
    """
    own = networks.facts(plan.backbone)
    size = plan.size or (larger(own.input_size) if plan.recipe == "best" else own.input_size)
    seen = 0

    def looked() -> None:
        nonlocal seen
        seen += 1
        if seen % 100 == 0:
            progress(f"looking at the pictures: {seen}", 0.0)

    dataset = read_dataset(plan.data, plan.seed, looked)
    progress(f"opening {plan.backbone}", 0.0)
    source = published(plan.backbone, cache, plan.weights)
    dataset, splits = features_of(dataset, Extractor(source, cache, View(size)), cache / "features", progress)
    lesson = TrainingData(*splits["train"], *splits["valid"], len(dataset.classes), known_head(source))
    taught = RECIPES[plan.recipe](lesson, plan.seed, lambda what, share: progress(f"{plan.recipe}: {what}", share))
    logits = {split: taught.logits(features) for split, (features, _) in splits.items()}
    heat = calibration.temperature(logits["valid"][:, : taught.head.classes], splits["valid"][1])
    rows = {split: calibration.probabilities(each, heat) for split, each in logits.items()}
    abstain_below = calibration.threshold(rows["valid"], taught.head.classes)
    answers = {
        split: answered(dataset, split, judge(each, taught.head.classes, abstain_below))
        for split, each in rows.items()
    }
    manifest = Manifest(
        name=plan.name or f"{plan.data.resolve().name}-{plan.recipe}",
        network=networks.Network(own.name, size, own.mean, own.scale),
        head=taught.head,
        labels=dataset.classes,
        temperature=heat,
        abstain_below=abstain_below,
        about=about(plan, source, dataset, taught, answers),
    )
    progress("writing the bundle", 1.0)
    return Trained(Bundle.write(out, manifest, tensors(manifest, source, taught)), dataset, taught, answers)


def features_of(
    dataset: Dataset, extractor: Extractor, folder: Path, progress: Progress
) -> tuple[Dataset, dict[str, tuple[NDArray[np.float32], Labels]]]:
    """The features (n, width) and labels (n,) of each split, and the dataset less what could not be read."""
    pictures = dataset.pictures()
    there = 0

    def done(count: int) -> None:
        nonlocal there
        there += count
        progress(f"features: {there} of {len(pictures)} pictures", there / len(pictures))

    store, unreadable = extract(pictures, extractor, folder, done)
    if unreadable:
        dataset = dataset.without(unreadable)
    return dataset, {split: stacked(dataset.splits[split], store) for split in SPLITS}


def known_head(source: Bundle) -> Linear:
    """The published network's own head, on its pooled features."""
    with safe_open(source.folder / WEIGHTS, "np") as kept:
        names = {name.split(".", 1)[1]: name for name in kept.keys()}  # noqa: SIM118  # it is no mapping
        return Linear(kept.get_tensor(names["logits.kernel"]), kept.get_tensor(names["logits.bias"]))


def tensors(manifest: Manifest, source: Bundle, taught: TrainedHead) -> dict[str, NDArray[np.float32]]:
    """The weights of the whole network: the published backbone, the new head."""
    model = networks.with_head(networks.backbone(manifest.network), manifest.head)
    for name, arrays in taught.layers.items():
        model.get_layer(name).set_weights(arrays)
    of_head = {f".{name}." for name in taught.layers}
    kept = load_file(source.folder / WEIGHTS)
    return {
        name: tensor if any(part in name for part in of_head) else kept[name]
        for name, tensor in networks.tensors_of(model).items()
    }


def answered(dataset: Dataset, split: str, judged: Judgement) -> Answers:
    """What the new model says of a split's pictures, which are judged in their order."""
    pictures = dataset.splits[split]
    return Answers(
        dataset.classes,
        np.array([each.label for each in pictures], np.intp),
        judged.probabilities,
        [str(each.path) for each in pictures],
        judged.abstained,
    )


def shares(answers: Answers) -> dict[str, Any]:
    """The few figures of a split that the manifest keeps, shares between 0 and 1."""
    if not answers.files:
        return {"n": 0}
    scores = score(answers)
    kept = {"top1": scores.top1, "top5": scores.top5, "ece": scores.ece, "named": scores.named_share}
    return {"n": scores.n, **{name: round(share, 4) for name, share in kept.items()}}


def about(
    plan: Plan, source: Bundle, dataset: Dataset, taught: TrainedHead, answers: Mapping[str, Answers]
) -> dict[str, Any]:
    """What the manifest tells of a training: recipe, data, scores, versions."""
    return {
        "recipe": {
            "name": plan.recipe,
            "seed": plan.seed,
            "backbone": source.name,
            "backbone_version": source.version,
            **taught.notes,
        },
        "data": {
            "name": plan.data.resolve().name,
            "fingerprint": dataset.fingerprint,
            **{split: len(dataset.splits[split]) for split in SPLITS},
            "faults": {name: count for name, count in dataset.faults.counts().items() if count},
        },
        "crop": CENTRE_CROP,
        "scores": {split: shares(each) for split, each in answers.items()},
        "calibration": {"still_named": calibration.STILL_NAMED, "on": "valid"},
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in TOOLS},
        },
    }
