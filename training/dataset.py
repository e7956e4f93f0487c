"""Folders of pictures as a dataset: which picture shows which class, and which split it belongs to.

Two layouts are read: folders `train`, `valid` and `test` that hold class folders, like the Udacity dog images; or one
folder of class folders, which is then split. `models.picture_folder` says which files are looked at, and
`training.class_folders` which folders are classes. Problems are named and counted. None is an error while there still
are pictures to train on, except folders that can be understood in two ways.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.picture_folder import counted, look_into, shown, some
from models.storage import sha256
from training.class_folders import NothingToLearn as NothingToLearn  # what this module raises
from training.class_folders import class_folders, readable_names

SPLITS = ("train", "valid", "test")
SHARES = {"train": 0.8, "valid": 0.1, "test": 0.1}  # how a single folder is split


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file of class `label`, an index into the dataset's classes; `digest` is the file's SHA-256."""

    path: Path
    label: int
    digest: str


@dataclass(frozen=True, slots=True)
class Faults:
    """What was left out or changed, and why: sentences about files, classes or splits."""

    unreadable: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """The number of each kind."""
        return {
            "unreadable pictures": len(self.unreadable),
            "classes without a picture to learn from": len(self.empty),
            "duplicates": len(self.duplicates),
            "remarks": len(self.remarks),
        }

    def summary(self) -> str:
        """The counts for people, such as "1 unreadable picture, 2 duplicates"; empty if there is nothing to say."""
        kinds = (
            (self.unreadable, "unreadable picture", ""),
            (self.empty, "class without a picture to learn from", "classes without a picture to learn from"),
            (self.duplicates, "duplicate", ""),
            (self.remarks, "remark", ""),
        )
        return ", ".join(counted(len(found), thing, things) for found, thing, things in kinds if found)

    def sentences(self) -> Iterator[str]:
        """The sentences of all kinds."""
        for each in (self.unreadable, self.empty, self.duplicates, self.remarks):
            yield from each


@dataclass(frozen=True)
class Dataset:
    """Pictures of `classes` by split. The same files give the same dataset, in the same order, on every machine.

    `seed` is the one that split them, None where folders did.
    """

    classes: tuple[str, ...]
    splits: Mapping[str, tuple[Picture, ...]]
    faults: Faults = field(default_factory=Faults)
    seed: int | None = None

    @property
    def fingerprint(self) -> str:
        """16 hex digits that identify these pictures with these classes in these splits."""
        digest = hashlib.sha256("\n".join(self.classes).encode())
        for split in SPLITS:
            for picture in sorted(self.splits[split], key=lambda each: (each.label, each.digest)):
                digest.update(f"\n{split} {picture.label} {picture.digest}".encode())
        return digest.hexdigest()[:16]

    def pictures(self) -> list[Picture]:
        """The pictures of all splits, in the order of SPLITS."""
        return [picture for split in SPLITS for picture in self.splits[split]]

    def test_folder(self) -> Path | None:
        """The folder with the class folders of all test pictures, and no others; None if there is none."""
        test = [each.path for each in self.splits["test"]]
        others = [each.path for split in ("train", "valid") for each in self.splits[split]]
        if self.seed is not None or not test:
            return None
        for folder in reversed(test[0].parents):
            if all(path.is_relative_to(folder) and path.parent != folder for path in test) and not any(
                path.is_relative_to(folder) for path in others
            ):
                return folder
        return None

    def without(self, unreadable: Mapping[Path, str]) -> "Dataset":
        """This dataset without the unreadable files, given as path and reason. Raises NothingToLearn."""
        splits = {
            split: tuple(each for each in self.splits[split] if each.path not in unreadable) for split in SPLITS
        }
        sentences = tuple(f"{shown(path)}: {reason}" for path, reason in unreadable.items())
        known = set(_unmeasured(self))
        faults = replace(
            self.faults,
            unreadable=self.faults.unreadable + sentences,
            remarks=tuple(each for each in self.faults.remarks if each not in known),
        )
        return _settled(replace(self, splits=splits, faults=faults))


def read_dataset(root: Path, seed: int = 0, after_file: Callable[[], object] = lambda: None) -> Dataset:
    """The dataset in the folder `root`. `after_file` is called after each file.

    One folder of class folders is split 80/10/10 within each class. The seed and the content of a picture decide its
    split, so a new picture does not move any other, except that every class keeps a picture in train. Of several
    pictures with the same content one is kept: the one in test, else the one in valid, so that the model is never
    tested on a picture of train. Raises NothingToLearn.
    """
    if not root.is_dir():
        raise NothingToLearn(
            f"{shown(root)} is not a folder; give a folder of class folders, or of train, valid and test"
        )
    try:
        listing = look_into(root)
    except OSError as error:
        raise NothingToLearn(f"{shown(root)} cannot be looked into: {error.strerror}") from error
    folders = class_folders(listing)
    unreadable: list[str] = []
    labels = {name: label for label, name in enumerate(folders.names)}
    pictures: list[tuple[str, Picture]] = []
    for each in folders.pictures:
        try:
            digest = sha256(each.path)
        except OSError as error:
            unreadable.append(f"{shown(each.path)}: {error.strerror}")
        else:
            pictures.append((each.split or _split_of(digest, seed), Picture(each.path, labels[each.name], digest)))
        after_file()
    splits, duplicates = _without_duplicates(pictures)
    remarks = (*folders.remarks, *listing.remarks())
    by_seed = not any(each.split for each in folders.pictures)
    if by_seed:
        splits = _with_training(splits, seed)
    if not splits["valid"]:
        splits = _with_validation(splits, seed)
        if splits["valid"]:
            remarks += ("there is no valid picture; some pictures of train are used instead",)
    faults = Faults(unreadable=tuple(unreadable), duplicates=duplicates, remarks=remarks)
    return _settled(Dataset(tuple(_class_names(labels, pictures)), splits, faults, seed if by_seed else None))


def _class_names(labels: Mapping[str, int], pictures: Iterable[tuple[str, Picture]]) -> list[str]:
    """The class names in the order of `labels`; folders without pictures do not decide how they are read."""
    filled = {picture.label for _, picture in pictures}
    counted = [name for name, label in labels.items() if label in filled]
    names = dict(zip(counted, readable_names(counted), strict=True))
    return [names.get(name, name) for name in labels]


def _split_of(digest: str, seed: int) -> str:
    number = _hashed(digest, seed)
    return "train" if number < SHARES["train"] else "valid" if number < SHARES["train"] + SHARES["valid"] else "test"


def _hashed(digest: str, seed: int) -> float:
    """A number from 0 to 1 that depends on the content and the seed only."""
    mixed = hashlib.sha256(f"{seed} {digest}".encode()).digest()
    return int.from_bytes(mixed[:8], "big") / 2**64


def _without_duplicates(
    pictures: Iterable[tuple[str, Picture]],
) -> tuple[dict[str, tuple[Picture, ...]], tuple[str, ...]]:
    """The pictures by split, each content once, and a sentence for each duplicate."""
    kept: dict[str, Picture] = {}
    splits: dict[str, list[Picture]] = {split: [] for split in SPLITS}
    duplicates: list[str] = []
    for split, picture in sorted(pictures, key=lambda each: -SPLITS.index(each[0])):  # test first; a stable sort
        if (original := kept.setdefault(picture.digest, picture)) is picture:
            splits[split].append(picture)
        else:
            other = "" if original.label == picture.label else ", which is in another class"
            duplicates.append(f"{shown(picture.path)}: the same picture as {shown(original.path)}{other}")
    return {split: tuple(each) for split, each in splits.items()}, tuple(duplicates)


def _with_training(splits: Mapping[str, tuple[Picture, ...]], seed: int) -> dict[str, tuple[Picture, ...]]:
    """The splits; a class with no picture in train gets one from valid or test, chosen by content and seed."""
    taught = {each.label for each in splits["train"]}
    moved: dict[int, Picture] = {}
    for split in ("valid", "test"):
        for each in sorted(splits[split], key=lambda each: _hashed(each.digest, seed)):
            if each.label not in taught:
                moved.setdefault(each.label, each)
    chosen = set(moved.values())
    left = {split: tuple(each for each in pictures if each not in chosen) for split, pictures in splits.items()}
    return {**left, "train": (*left["train"], *(moved[label] for label in sorted(moved)))}


def _with_validation(splits: dict[str, tuple[Picture, ...]], seed: int) -> dict[str, tuple[Picture, ...]]:
    """The splits with an eighth of each class of train moved to valid, chosen by content and seed.

    It is at least one picture, if a class has two.
    """
    ranked = sorted(splits["train"], key=lambda each: _hashed(each.digest, seed))
    valid: list[Picture] = []
    for label in sorted({each.label for each in ranked}):
        of_class = [each for each in ranked if each.label == label]
        valid += of_class[: len(of_class) // 8]
    counts = Counter(each.label for each in ranked)
    moved = set(valid or [each for each in ranked if counts[each.label] > 1][:1])
    return {
        **splits,
        "valid": tuple(each for each in valid or ranked if each in moved),
        "train": tuple(each for each in splits["train"] if each not in moved),
    }


def _settled(dataset: Dataset) -> Dataset:
    """The dataset with a picture of each class in train, where the seed decides, and with what cannot be measured.

    Raises NothingToLearn.
    """
    if dataset.seed is not None:
        dataset = replace(dataset, splits=_with_training(dataset.splits, dataset.seed))
    dataset = _without_empty_classes(dataset)
    remarks = (*dataset.faults.remarks, *_unmeasured(dataset))
    return replace(dataset, faults=replace(dataset.faults, remarks=remarks))


def _unmeasured(dataset: Dataset) -> list[str]:
    """What cannot be measured on this dataset, as sentences; `training.calibration` says what it could measure."""
    remarks = []
    covered = {each.label for each in dataset.splits["test"]}
    if not covered:
        remarks.append("there is no test picture; the accuracy on new pictures is not measured")
    elif missing := [shown(name) for label, name in enumerate(dataset.classes) if label not in covered]:
        remarks.append(
            f"classes with no test picture: {some(missing)}; their accuracy on new pictures is not measured"
        )
    if len(dataset.classes) == 1:
        remarks.append(f"one class only, {shown(dataset.classes[0])}: its only alternative is “none of these”")
    return remarks


def _without_empty_classes(dataset: Dataset) -> Dataset:
    """The dataset without the classes that have no picture in train. Raises NothingToLearn when none is left."""
    kept = sorted({picture.label for picture in dataset.splits["train"]})
    if not kept:
        raise NothingToLearn("no picture to learn from is left; " + "; ".join([*dataset.faults.sentences()][:5]))
    new_labels = {label: new for new, label in enumerate(kept)}
    empty = tuple(
        f"{shown(name)}: no picture to learn from, so it is left out"
        for label, name in enumerate(dataset.classes)
        if label not in new_labels
    )
    return replace(
        dataset,
        classes=tuple(dataset.classes[label] for label in kept),
        splits={
            split: tuple(replace(each, label=new_labels[each.label]) for each in pictures if each.label in new_labels)
            for split, pictures in dataset.splits.items()
        },
        faults=replace(dataset.faults, empty=dataset.faults.empty + empty),
    )
