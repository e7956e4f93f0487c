"""An evaluation set: pictures whose class is known from their folder, and the answers of a classifier to them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.abstain import Judgement
from models.classifier import Classifier
from models.picture_folder import Listing, look_into, shown, some
from models.pictures.kinds import PICTURE_SUFFIXES
from models.weights import imagenet_labels, imagenet_wnids
from training.class_folders import NUMBERED, class_name
from training.picture_files import read_batches
from training.scores import Answers

BATCH = 32

_KINDS = " ".join(sorted(PICTURE_SUFFIXES))


class UnknownClasses(ValueError):
    """There are folders whose names are not classes of the model."""


class NoPictures(ValueError):
    """The folder has no pictures where they are expected."""


@dataclass(frozen=True, slots=True)
class EvaluationPicture:
    """A picture file and its possible classes: several if the model has equal labels, none if it is outside."""

    path: Path
    classes: tuple[int, ...] = ()


def labelled_pictures(
    data: Path, labels: Sequence[str], say: Callable[[str], object] = lambda remark: None
) -> list[EvaluationPicture]:
    """The pictures in the class folders of `data`, at any depth.

    A folder has the name of its class, or that name with three digits before it and underscores for spaces
    (`012.Some_name`). For ImageNet's classes it may also be the WordNet id. `data` may also hold one folder only,
    with the class folders in it. `say` gets what was left out, as sentences. Raises UnknownClasses and NoPictures.
    """
    listing = _look(data)
    classes_of = _class_finder(labels)
    root, by_folder = _by_folder(listing, classes_of)
    if unknown := [folder for folder in by_folder if not classes_of(folder)]:
        known = ", ".join(labels[:3]) + (" and so on" if len(labels) > 3 else "")
        advice = (
            f"give one split, {shown(root / 'test')}" if "test" in unknown else "rename these folders or remove them"
        )
        raise UnknownClasses(
            f"{shown(root)} has folders that are not classes of this model: {', '.join(map(shown, unknown))}. "
            f"Its {len(labels)} classes are {known}; {advice}"
        )
    for folder, paths in by_folder.items():
        own = classes_of(folder)
        for name in sorted({name for path in paths for name in path.relative_to(root).parts[1:-1]}):
            if (other := classes_of(name)) and other != own:
                raise UnknownClasses(
                    f"classes inside classes: {shown(root / folder)} holds a folder {shown(name)}, which is another "
                    "class of this model; move it beside that folder"
                )
    pictures = [EvaluationPicture(path, classes_of(folder)) for folder, paths in by_folder.items() for path in paths]
    if not pictures:
        raise NoPictures(f"{shown(data)} has no class folders with pictures ({_KINDS}) in them")
    used = {picture.path for picture in pictures}
    if unused := [shown(path.relative_to(data)) for path in listing.files if path not in used]:
        say(f"pictures in no class folder, not used: {len(unused)} ({some(unused)})")
    for remark in listing.remarks():
        say(remark)
    return pictures


def outside_pictures(folder: Path, say: Callable[[str], object] = lambda remark: None) -> list[EvaluationPicture]:
    """The pictures in `folder`, at any depth, as pictures of none of the classes.

    `say` gets what was left out, as sentences. Raises NoPictures.
    """
    listing = _look(folder)
    if not listing.files:
        raise NoPictures(f"{shown(folder)} has no pictures ({_KINDS}) in it")
    for remark in listing.remarks():
        say(remark)
    return [EvaluationPicture(path) for path in listing.files]


def classify_pictures(
    classifier: Classifier,
    pictures: Sequence[EvaluationPicture],
    root: Path,
    progress: Callable[[int], object] = lambda count: None,
) -> tuple[Answers, dict[Path, str]]:
    """The answers of `classifier` to the readable pictures, and the errors of the others by path.

    Memory holds a few batches at a time. File names in the answers
    are relative to `root` for files in it, and absolute for others. `progress` is called with the number of further
    pictures that are done.
    """
    judgements: list[Judgement] = []
    truth: list[int] = []
    names: list[str] = []
    unreadable: dict[Path, str] = {}
    for batch in read_batches(pictures, classifier.view, BATCH):
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


def _look(folder: Path) -> Listing:
    try:
        return look_into(folder)
    except OSError as error:
        raise NoPictures(f"{shown(folder)} cannot be looked into: {error.strerror}") from error


def _by_folder(listing: Listing, classes_of: Callable[[str], tuple[int, ...]]) -> tuple[Path, dict[str, list[Path]]]:
    """The folder that holds the class folders, and the pictures by the name of the folder they are in there.

    A folder that is the only one with pictures, and that is no class, is passed through.
    """
    root = listing.root
    while True:
        found: dict[str, list[Path]] = {}
        for path in listing.files:
            if path.is_relative_to(root) and len(parts := path.relative_to(root).parts) > 1:
                found.setdefault(parts[0], []).append(path)
        match [*found]:
            case [only] if not classes_of(only) and any(
                len(path.relative_to(root).parts) > 2 for path in found[only]
            ):
                root /= only
            case _:
                return root, found


def _class_finder(labels: Sequence[str]) -> Callable[[str], tuple[int, ...]]:
    """A function from a folder's name to the indices of its possible classes, none for an unknown name."""
    by_label, by_name = _indices(labels), _indices(map(class_name, labels))
    by_plain_name = _indices(class_name(label).replace("_", " ").strip() for label in labels)
    by_wordnet_id = _indices(_wordnet_ids(labels))
    return lambda folder: (
        by_label.get(folder)
        or by_name.get(class_name(folder))
        or by_plain_name.get(_plain_name(folder))
        or by_wordnet_id.get(folder)
        or ()
    )


def _indices(names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    indices: dict[str, tuple[int, ...]] = {}
    for index, name in enumerate(names):
        indices[name] = (*indices.get(name, ()), index)
    return indices


def _plain_name(folder: str) -> str:
    """The name without the three digits of the form `012.Some_name`, with spaces for underscores, in NFC."""
    return NUMBERED.sub("", class_name(folder), count=1).replace("_", " ").strip()


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
