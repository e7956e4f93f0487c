"""An evaluation set: pictures whose class is known from their folder, and the answers of a classifier to them."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.abstain import Judgement
from models.bundle import BrokenBundle, Manifest
from models.classifier import Classifier
from models.images import CENTRE_CROP
from models.weights import imagenet_labels, imagenet_wnids
from training.picture_files import SUFFIXES, picture_files, read_batches, subfolders
from training.scores import Answers

BATCH = 32


class UnknownClasses(ValueError):
    """There are folders whose names are not classes of the model."""


class NoPictures(ValueError):
    """The folder has no pictures where they are expected."""


@dataclass(frozen=True, slots=True)
class EvaluationPicture:
    """A picture file and its possible classes: several if the model has equal labels, none if it is outside."""

    path: Path
    classes: tuple[int, ...] = ()


def labelled_pictures(data: Path, labels: Sequence[str]) -> list[EvaluationPicture]:
    """The pictures in the class folders of `data`, at any depth.

    A folder has the name of its class, or that name with a number before it and underscores for spaces
    (`012.Some_name`). For ImageNet's classes it may also be the WordNet id. Raises UnknownClasses and NoPictures.
    """
    folders = subfolders(data)
    classes_of = _class_finder(labels)
    classes = {folder: classes_of(folder.name) for folder in folders}
    if unknown := [folder.name for folder in folders if not classes[folder]]:
        known = ", ".join(labels[:3]) + (" and so on" if len(labels) > 3 else "")
        advice = f"give one split, {data / 'test'}" if "test" in unknown else "rename these folders or remove them"
        raise UnknownClasses(
            f"{data} has folders that are not classes of this model: {', '.join(unknown)}. "
            f"Its {len(labels)} classes are {known}; {advice}"
        )
    pictures = [EvaluationPicture(path, classes[folder]) for folder in folders for path in picture_files(folder)]
    if not pictures:
        raise NoPictures(f"{data} has no class folders with pictures ({' '.join(SUFFIXES)}) in them")
    return pictures


def outside_pictures(folder: Path) -> list[EvaluationPicture]:
    """The pictures in `folder`, at any depth, as pictures of none of the classes. Raises NoPictures."""
    pictures = [EvaluationPicture(path) for path in picture_files(folder)]
    if not pictures:
        raise NoPictures(f"{folder} has no pictures ({' '.join(SUFFIXES)}) in it")
    return pictures


def classify_pictures(
    classifier: Classifier,
    pictures: Sequence[EvaluationPicture],
    root: Path,
    crop: float,
    progress: Callable[[int], object] = lambda count: None,
) -> tuple[Answers, dict[Path, str]]:
    """The answers of `classifier` to the readable pictures, and the errors of the others by path.

    Each picture is cut to `crop` of its short side. Memory holds a few batches at a time. File names in the answers
    are relative to `root` for files in it, and absolute for others. `progress` is called with the number of further
    pictures that are done.
    """
    judgements: list[Judgement] = []
    truth: list[int] = []
    names: list[str] = []
    unreadable: dict[Path, str] = {}
    for batch in read_batches(pictures, classifier.input_size, crop, BATCH):
        unreadable |= batch.unreadable
        judgement = classifier.judge(batch.pixels)
        truth += map(_true_class, batch.readable, judgement.probabilities)
        names += [_file_name(picture.path, root) for picture in batch.readable]
        judgements.append(judgement)
        progress(len(batch))
    no_answers = np.empty((0, len(classifier.labels)), np.float32)
    answers = Answers(
        labels=classifier.labels,
        truth=np.array(truth, np.intp),
        probabilities=np.concatenate([no_answers, *(each.probabilities for each in judgements)]),
        files=names,
        abstained=np.concatenate([np.empty(0, np.bool_), *(each.abstained for each in judgements)]),
    )
    return answers, unreadable


def crop_of(manifest: Manifest) -> float:
    """The share of the short side that pictures are cut to for this model. Raises BrokenBundle."""
    crop = manifest.about.get("crop", CENTRE_CROP)
    if not isinstance(crop, int | float) or not 0 < crop <= 1:
        raise BrokenBundle(f"{manifest.name} has the crop {crop!r}; it must be above 0 and at most 1")
    return float(crop)


def _class_finder(labels: Sequence[str]) -> Callable[[str], tuple[int, ...]]:
    """A function from a folder's name to the indices of its possible classes, none for an unknown name."""
    by_label, by_plain_name = _indices(labels), _indices(map(_plain_name, labels))
    by_wordnet_id = _indices(_wordnet_ids(labels))
    return lambda name: by_label.get(name) or by_plain_name.get(_plain_name(name)) or by_wordnet_id.get(name) or ()


def _indices(names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    indices: dict[str, tuple[int, ...]] = {}
    for index, name in enumerate(names):
        indices[name] = (*indices.get(name, ()), index)
    return indices


def _plain_name(name: str) -> str:
    """The name without a leading number, with spaces for underscores, in NFC: macOS stores accents separately."""
    return re.sub(r"^\d+\.", "", unicodedata.normalize("NFC", name)).replace("_", " ").strip()


def _wordnet_ids(labels: Sequence[str]) -> tuple[str, ...]:
    """The WordNet ids of ImageNet's classes if `labels` are those classes, else nothing."""
    return imagenet_wnids() if tuple(labels) == imagenet_labels() else ()


def _true_class(picture: EvaluationPicture, probabilities: NDArray[np.float32]) -> int:
    """The index of the true class, -1 for an outside picture.

    ImageNet has two classes "crane", a bird and a machine. A folder of that name may be either, so both are right.
    """
    return max(picture.classes, key=lambda index: float(probabilities[index]), default=-1)


def _file_name(path: Path, root: Path) -> str:
    return str(path.relative_to(root) if path.is_relative_to(root) else path.absolute())
