"""From a folder of pictures to a bundle: read, extract features, train the head, calibrate, score, write."""

import importlib.metadata
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
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
from models.picture_folder import shown, some, utf8
from training import calibration
from training.calibration import Calibration
from training.dataset import SPLITS, Dataset, read_dataset
from training.features import Extractor, extract, stacked
from training.recipes import RECIPES, Features, Labels, LinearHead, Progress, TrainedHead, TrainingData, load_recipe
from training.report import write_report
from training.scores import Answers, score

OUT = "--out"  # what names another place for the bundle and its report
PACKAGES = ("keras", "numpy", "openvino", "scipy", "tensorflow")  # whose versions the manifest records


@dataclass(frozen=True)
class TrainingPlan:
    """What to train: the pictures, the published network (`backbone`) and the recipe.

    `size` is the input size, in pixels a side; 0 means the recipe's own. `weights` is a Keras weights file for the
    backbone, if it needs one.
    """

    data: Path
    backbone: str
    recipe: str = RECIPES[0]
    name: str = ""
    weights: Path | None = None
    size: int = 0
    seed: int = 0

    @property
    def model_name(self) -> str:
        """The name of the model, by default that of the data and the recipe."""
        return utf8(self.name or f"{self.data.resolve().name}-{self.recipe}")


@dataclass(frozen=True)
class TrainingResult:
    """A bundle that was written, what it was trained on, and its answers to the pictures of each split."""

    bundle: Bundle
    dataset: Dataset
    trained_head: TrainedHead
    calibration: Calibration
    answers: Mapping[str, Answers]

    def uncertain(self) -> Iterator[str]:
        """What the threshold of "none of these" was measured on, and what not, as sentences."""
        yield self.calibration.sentence()
        if self.calibration.pictures and self.calibration.unmeasured:
            names = [shown(self.dataset.classes[label]) for label in self.calibration.unmeasured]
            yield f"classes with no picture to measure how sure the model may be of them: {some(names)}"


def train(
    plan: TrainingPlan, out: Path, cache: Path, progress: Progress = lambda activity, share: None
) -> TrainingResult:
    """Trains and writes the bundle to the folder `out`, completely or not at all. `cache` keeps the features.

    Raises UnknownRecipe, dataset.NothingToLearn, storage.Unwritable and the errors of `published`.
    """
    recipe = load_recipe(plan.recipe)
    network = networks.facts(plan.backbone)
    # another size shows the same part of a picture: the crop is that of the published network
    network = replace(network, input_size=plan.size or recipe.input_size(network.input_size))
    dataset = _read(plan, progress)
    progress(f"opening {plan.backbone}", 0.0)
    source = published(plan.backbone, cache, plan.weights)
    Bundle.check_target(out, OUT, needed=(source.folder / WEIGHTS).stat().st_size)  # the heads differ by little
    dataset, splits = extract_splits(dataset, Extractor(source, cache, network.view), cache / "features", progress)
    classes = len(dataset.classes)
    # with too few pictures to hold any back, the recipe chooses by the training pictures
    held_back = splits["valid"] if dataset.splits["valid"] else splits["train"]
    data = TrainingData(*splits["train"], *held_back, classes, head_of(source))
    trained_head = recipe.fit(data, plan.seed, lambda activity, share: progress(f"{plan.recipe}: {activity}", share))
    measured = calibration.measure(recipe.fit, data, splits["valid"], trained_head, plan.seed, progress)
    calibrated = calibration.calibrate(measured, classes)
    answers = {
        split: _answers(dataset, split, judge(rows, classes, calibrated.abstain_below, calibration.SURE_OF))
        for split, (features, _) in splits.items()
        for rows in [calibration.probabilities(trained_head.logits(features), calibrated.temperature)]
    }
    manifest = Manifest(
        name=plan.model_name,
        network=network,
        head=trained_head.head,
        labels=dataset.classes,
        temperature=calibrated.temperature,
        abstain_below=calibrated.abstain_below,
        sure_of=calibration.SURE_OF,
        unsure_below=calibrated.unsure_below,
        about=_about(plan, source, dataset, trained_head, calibrated, answers),
    )
    progress("writing the bundle", 1.0)
    bundle = Bundle.write(out, manifest, _weights(manifest, source, trained_head), OUT)
    return TrainingResult(bundle, dataset, trained_head, calibrated, answers)


def write_training_report(result: TrainingResult, path: Path) -> bool:
    """Writes the report on the test pictures, or on those of valid if there is no test; False if there is neither.

    Raises storage.Unwritable.
    """
    answers = next((result.answers[split] for split in ("test", "valid") if result.answers[split].files), None)
    if answers is None:
        return False
    manifest = result.bundle.manifest
    write_report(
        path,
        title=f"{manifest.name} {result.bundle.version}",
        scores=score(answers),
        answers=answers,
        picture_root=Path(),
        crop=manifest.network.crop,
        about=manifest.about,
        curves=result.trained_head.curves,
        setting=OUT,
    )
    return True


def extract_splits(
    dataset: Dataset, extractor: Extractor, folder: Path, progress: Progress
) -> tuple[Dataset, dict[str, tuple[Features, Labels]]]:
    """The dataset without unreadable pictures, and the features (n, width) and labels (n,) of each split."""
    pictures = dataset.pictures()
    done = 0

    def after_pictures(count: int) -> None:
        nonlocal done
        done += count
        progress(f"features: {done} of {len(pictures)} pictures", done / len(pictures))

    store, unreadable = extract(pictures, extractor, folder, after_pictures)
    if unreadable:
        dataset = dataset.without(unreadable)
    return dataset, {split: stacked(dataset.splits[split], store) for split in SPLITS}


def head_of(source: Bundle) -> LinearHead:
    """The head of a published network, which works on its pooled features."""
    with safe_open(source.folder / WEIGHTS, "np") as stored:
        names = {name.split(".", 1)[1]: name for name in stored.keys()}  # noqa: SIM118  # it is not a mapping
        return LinearHead(stored.get_tensor(names["logits.kernel"]), stored.get_tensor(names["logits.bias"]))


def _read(plan: TrainingPlan, progress: Progress) -> Dataset:
    count = 0

    def after_file() -> None:
        nonlocal count
        count += 1
        if count % 100 == 0:
            progress(f"reading pictures: {count}", 0.0)

    return read_dataset(plan.data, plan.seed, after_file)


def _weights(manifest: Manifest, source: Bundle, trained_head: TrainedHead) -> dict[str, NDArray[np.float32]]:
    """The weights of the whole network: the published backbone with the new head."""
    model = networks.with_head(networks.backbone(manifest.network), manifest.head)
    for name, arrays in trained_head.layers.items():
        model.get_layer(name).set_weights(arrays)
    head_layers = {f".{name}." for name in trained_head.layers}
    published_weights = load_file(source.folder / WEIGHTS)
    return {
        name: tensor if any(layer in name for layer in head_layers) else published_weights[name]
        for name, tensor in networks.tensors_of(model).items()
    }


def _answers(dataset: Dataset, split: str, judgement: Judgement) -> Answers:
    """The answers to the pictures of a split; the judgement is in their order."""
    pictures = dataset.splits[split]
    return Answers(
        dataset.classes,
        np.array([each.label for each in pictures], np.intp),
        judgement.probabilities,
        [str(each.path) for each in pictures],
        judgement.abstained,
    )


def _about(
    plan: TrainingPlan,
    source: Bundle,
    dataset: Dataset,
    trained_head: TrainedHead,
    calibrated: Calibration,
    answers: Mapping[str, Answers],
) -> dict[str, Any]:
    """What the manifest records of a training: recipe, data, scores, versions."""
    return {
        "recipe": {
            "name": plan.recipe,
            "seed": plan.seed,
            "backbone": source.name,
            "backbone_version": source.version,
            **trained_head.notes,
        },
        "data": {
            "name": utf8(plan.data.resolve().name),
            "fingerprint": dataset.fingerprint,
            **{split: len(dataset.splits[split]) for split in SPLITS},
            "faults": {name: count for name, count in dataset.faults.counts().items() if count},
        },
        "scores": {split: _split_scores(each) for split, each in answers.items()},
        "calibration": {**calibrated.about(), "in_words": calibrated.sentence()},
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in PACKAGES},
        },
    }


def _split_scores(answers: Answers) -> dict[str, float]:
    """The main figures of a split, shares from 0 to 1."""
    if not answers.files:
        return {"n": 0}
    scores = score(answers)
    shares = {"top1": scores.top1, "top5": scores.top5, "ece": scores.ece, "named": scores.named_share}
    return {"n": scores.n, **{name: round(share, 4) for name, share in shares.items()}}
