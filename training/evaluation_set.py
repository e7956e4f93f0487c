"""An exam: pictures whose class is known, put to a classifier a batch at a time."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.abstain import Judgement
from models.bundle import BrokenBundle, Manifest
from models.classifier import Classifier
from models.images import CENTRE_CROP, read_ahead
from models.weights import imagenet_labels, imagenet_wnids
from training.dataset import PICTURES
from training.scores import Answers

BATCH = 32


class UnknownClasses(ValueError):
    """Folders are called after classes that the model does not have."""


class NoPictures(ValueError):
    """The folder holds no pictures where they are looked for."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A file, and the classes it may be of: more than one where labels are equal, none for an outside picture."""

    file: Path
    classes: tuple[int, ...] = ()


def labelled(data: Path, labels: Sequence[str]) -> list[Picture]:
    """The pictures in the class folders of `data`, in each however deep.

    A folder is called as its class is, or that with a number before it and underscores for spaces (`012.Some_name`);
    a class of ImageNet may also be called by its WordNet id. Raises UnknownClasses and NoPictures.
    """
    folders = sorted(each for each in data.iterdir() if each.is_dir() and not each.name.startswith("."))
    find = _finder(labels)
    classes = {folder: find(folder.name) for folder in folders}
    if unknown := [folder.name for folder in folders if not classes[folder]]:
        known = ", ".join(labels[:3]) + (" and so on" if len(labels) > 3 else "")
        todo = f"give one split, {data / 'test'}" if "test" in unknown else "rename these folders or take them out"
        raise UnknownClasses(
            f"{data} has folders called as no class of this model: {', '.join(unknown)}. "
            f"Its {len(labels)} classes are {known}; {todo}"
        )
    pictures = [Picture(file, classes[folder]) for folder in folders for file in _pictures(folder)]
    if not pictures:
        raise NoPictures(f"{data} has no folders, called as classes, with pictures ({_kinds()}) in them")
    return pictures


def outsiders(folder: Path) -> list[Picture]:
    """The pictures anywhere in `folder`, as pictures of no class. Raises NoPictures."""
    pictures = [Picture(file) for file in _pictures(folder)]
    if not pictures:
        raise NoPictures(f"{folder} has no pictures ({_kinds()}) in it")
    return pictures


def sit(
    classifier: Classifier,
    pictures: Sequence[Picture],
    root: Path,
    crop: float,
    tick: Callable[[int], object] = lambda count: None,
) -> tuple[Answers, dict[Path, str]]:
    """What `classifier` says of `pictures`, and what is wrong with each of those that cannot be read.

    Each is cut to `crop` of its short side, and pixels are held of a few batches at a time. Files in the answers are
    relative to `root` where they lie in it, else absolute. `tick` hears how many more are done.
    """
    judged: list[Judgement] = []
    truth: list[int] = []
    names: list[str] = []
    unreadable: dict[Path, str] = {}
    pixels_of = read_ahead([each.file for each in pictures], classifier.input_size, crop)
    read = zip(pictures, pixels_of, strict=True)
    while window := list(islice(read, BATCH)):
        unreadable |= {picture.file: pixels for picture, pixels in window if isinstance(pixels, str)}
        seen = [(picture, pixels) for picture, pixels in window if not isinstance(pixels, str)]
        if seen:
            judged.append(classifier.judge(np.stack([pixels for _, pixels in seen])))  # of (n, size, size, 3) uint8
            rows = judged[-1].probabilities  # (n, classes)
            truth += [_truth(picture, row) for (picture, _), row in zip(seen, rows, strict=True)]
            names += [_name(picture.file, root) for picture, _ in seen]
        tick(len(window))
    answers = Answers(
        labels=classifier.labels,
        truth=np.array(truth, np.intp),
        probabilities=np.concatenate(
            [np.empty((0, len(classifier.labels)), np.float32), *(each.probabilities for each in judged)]
        ),
        files=names,
        none=np.concatenate([np.empty(0, np.bool_), *(each.abstained for each in judged)]),
    )
    return answers, unreadable


def framing(manifest: Manifest) -> float:
    """The share of the short side that the model's pictures are cut to. Raises BrokenBundle."""
    crop = manifest.about.get("crop", CENTRE_CROP)
    if not isinstance(crop, int | float) or not 0 < crop <= 1:
        raise BrokenBundle(f"{manifest.name} wants pictures cut to {crop!r} of their short side, not above 0 to 1")
    return float(crop)


def _finder(labels: Sequence[str]) -> Callable[[str], tuple[int, ...]]:
    exact, plain = _places(labels), _places(map(_plain, labels))
    wnids = _places(_wnids(labels))
    return lambda name: exact.get(name) or plain.get(_plain(name)) or wnids.get(name) or ()


def _places(names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    places: dict[str, tuple[int, ...]] = {}
    for at, name in enumerate(names):
        places[name] = (*places.get(name, ()), at)
    return places


def _plain(name: str) -> str:
    """Without the number before it, with spaces, and composed: macOS writes an accent as a character of its own."""
    return re.sub(r"^\d+\.", "", unicodedata.normalize("NFC", name)).replace("_", " ").strip()


def _wnids(labels: Sequence[str]) -> tuple[str, ...]:
    """The WordNet ids of ImageNet's classes, where `labels` are those."""
    return imagenet_wnids() if tuple(labels) == imagenet_labels() else ()


def _pictures(folder: Path) -> list[Path]:
    return sorted(
        each
        for each in folder.rglob("*")
        if each.suffix.lower() in PICTURES and not each.name.startswith(".") and not each.is_dir()
    )


def _kinds() -> str:
    return " ".join(sorted(PICTURES))


def _truth(picture: Picture, probabilities: NDArray[np.float32]) -> int:
    """ImageNet has two cranes, a bird and a machine: a folder of that name does not say which, so either is right."""
    return max(picture.classes, key=lambda at: float(probabilities[at]), default=-1)


def _name(file: Path, root: Path) -> str:
    return str(file.relative_to(root) if file.is_relative_to(root) else file.absolute())
