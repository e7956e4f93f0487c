"""Folders of pictures as a dataset: which picture shows which class, and which split it belongs to.

Two layouts are read: folders `train`, `valid` and `test` that hold class folders, like the Udacity dog images; or one
folder of class folders, which is then split. Problems are named and counted. None is an error while there still are
pictures to train on.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.storage import sha256
from training.picture_files import picture_files, subfolders

SPLITS = ("train", "valid", "test")
SHARES = {"train": 0.8, "valid": 0.1, "test": 0.1}  # how a single folder is split

_SPELLINGS = {"train": ("train", "training"), "valid": ("valid", "validation", "val"), "test": ("test", "testing")}
_NUMBERED = re.compile(r"^\d+\.(?=.)")


class NothingToLearn(ValueError):
    """The folder has no pictures in class folders; the message says what was expected."""


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

    def sentences(self) -> Iterator[str]:
        """The sentences of all kinds."""
        for each in (self.unreadable, self.empty, self.duplicates, self.remarks):
            yield from each


@dataclass(frozen=True)
class Dataset:
    """Pictures of `classes` by split. The same files give the same dataset, in the same order, on every machine."""

    classes: tuple[str, ...]
    splits: Mapping[str, tuple[Picture, ...]]
    faults: Faults = field(default_factory=Faults)

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

    def without(self, unreadable: Mapping[Path, str]) -> "Dataset":
        """This dataset without the unreadable files, given as path and reason. Raises NothingToLearn."""
        splits = {
            split: tuple(each for each in self.splits[split] if each.path not in unreadable) for split in SPLITS
        }
        sentences = tuple(f"{path}: {reason}" for path, reason in unreadable.items())
        faults = replace(self.faults, unreadable=self.faults.unreadable + sentences)
        return _without_empty_classes(Dataset(self.classes, splits, faults))


def read_dataset(root: Path, seed: int = 0, after_file: Callable[[], object] = lambda: None) -> Dataset:
    """The dataset in the folder `root`. `after_file` is called after each file.

    One folder of class folders is split 80/10/10 within each class. The seed and the content of a picture decide its
    split, so a new picture does not move any other. Of several pictures with the same content one is kept: the one in
    test, else the one in valid, so that the model is never tested on a picture of train. Raises NothingToLearn.
    """
    if not root.is_dir():
        raise NothingToLearn(f"{root} is not a folder; give a folder of class folders, or of train, valid and test")
    found: list[tuple[str, str, Path, str]] = []  # split or "", class folder, file, digest
    folders: set[str] = set()
    unreadable: list[str] = []
    for split, split_folder in _split_folders(root).items():
        for folder in subfolders(split_folder):
            folders.add(folder.name)
            for path in picture_files(folder):
                try:
                    found.append((split, folder.name, path, sha256(path)))
                except OSError as error:
                    unreadable.append(f"{path}: {error.strerror}")
                after_file()
    if not found:
        raise NothingToLearn(
            f"{root} has no pictures in class folders; put each class's pictures into a folder of its name"
        )
    labels = {name: label for label, name in enumerate(sorted(folders))}
    splits, duplicates = _without_duplicates(
        (split or _split_of(digest, seed), Picture(path, labels[folder], digest))
        for split, folder, path, digest in found
    )
    remarks = tuple(
        f"there is no {split} picture; {consequence}"
        for split, consequence in (
            ("valid", "some pictures of train are used instead"),
            ("test", "the accuracy on new pictures is not measured"),
        )
        if not splits[split]
    )
    return _without_empty_classes(
        Dataset(
            tuple(readable_names(labels)),
            _with_validation(splits, seed),
            Faults(unreadable=tuple(unreadable), duplicates=duplicates, remarks=remarks),
        )
    )


def readable_names(folders: Iterable[str]) -> list[str]:
    """Class names for folder names: `042.Cairn_terrier` gives "Cairn terrier".

    The numbers go only if all folders have one. Where two names would be equal, the folder names stay.
    """
    folders = list(folders)
    numbered = all(_NUMBERED.match(folder) for folder in folders)
    names = [(_NUMBERED.sub("", folder) if numbered else folder).replace("_", " ").strip() for folder in folders]
    counts = Counter(names)
    return [name if name and counts[name] == 1 else folder for name, folder in zip(names, folders, strict=True)]


def _split_folders(root: Path) -> dict[str, Path]:
    """The folder of each split; the root itself, as split "", when there is no folder for train."""
    by_name = {folder.name.lower(): folder for folder in subfolders(root)}
    found = {
        split: by_name[spelling]
        for split, spellings in _SPELLINGS.items()
        for spelling in spellings
        if spelling in by_name
    }
    return found if "train" in found else {"": root}


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
            duplicates.append(f"{picture.path}: the same picture as {original.path}{other}")
    return {split: tuple(each) for split, each in splits.items()}, tuple(duplicates)


def _with_validation(splits: dict[str, tuple[Picture, ...]], seed: int) -> dict[str, tuple[Picture, ...]]:
    """The splits; if valid is empty, an eighth of each class of train moves there, chosen by content and seed."""
    if splits["valid"] or len(splits["train"]) < 2:
        return splits
    ranked = sorted(splits["train"], key=lambda each: _hashed(each.digest, seed))
    valid: list[Picture] = []
    for label in sorted({each.label for each in ranked}):
        of_class = [each for each in ranked if each.label == label]
        valid += of_class[: len(of_class) // 8]
    valid = valid or ranked[:1]
    moved = set(valid)
    return {**splits, "valid": tuple(valid), "train": tuple(each for each in splits["train"] if each not in moved)}


def _without_empty_classes(dataset: Dataset) -> Dataset:
    """The dataset without the classes that have no picture in train. Raises NothingToLearn when none is left."""
    kept = sorted({picture.label for picture in dataset.splits["train"]})
    if not kept:
        raise NothingToLearn("no picture to learn from is left; " + "; ".join([*dataset.faults.sentences()][:5]))
    new_labels = {label: new for new, label in enumerate(kept)}
    empty = tuple(
        f"{name}: no picture to learn from, so it is left out"
        for label, name in enumerate(dataset.classes)
        if label not in new_labels
    )
    remarks = dataset.faults.remarks
    if len(kept) == 1:
        remarks += (f"one class only, {dataset.classes[kept[0]]}: its only alternative is “none of these”",)
    return Dataset(
        tuple(dataset.classes[label] for label in kept),
        {
            split: tuple(replace(each, label=new_labels[each.label]) for each in pictures if each.label in new_labels)
            for split, pictures in dataset.splits.items()
        },
        replace(dataset.faults, empty=dataset.faults.empty + empty, remarks=remarks),
    )
