"""Folders of pictures as a dataset: which picture shows which class, and which split it belongs to.

Two layouts are read: `train`, `valid` and `test` folders of class folders, as the Udacity dog images have them, and
one folder of class folders, which is then split. Every fault is named and counted; none is fatal while something is
left to learn from.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.storage import sha256

SPLITS = ("train", "valid", "test")
PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
SHARES = {"train": 0.8, "valid": 0.1, "test": 0.1}  # of a folder that is not split yet

_SPELLINGS = {"train": ("train", "training"), "valid": ("valid", "validation", "val"), "test": ("test", "testing")}
_NUMBERED = re.compile(r"^\d+\.(?=.)")


class NothingToLearn(ValueError):
    """The folder holds no pictures in class folders; the message says what was looked for."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A file that shows the class `label`, an index into the dataset's classes; `digest` is its content's SHA-256."""

    path: Path
    label: int
    digest: str


@dataclass(frozen=True, slots=True)
class Faults:
    """What was left out, and why: each a list of sentences about files or folders."""

    unreadable: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """How many of each kind there are."""
        return {
            "unreadable pictures": len(self.unreadable),
            "classes without a picture to learn from": len(self.empty),
            "duplicates": len(self.duplicates),
            "remarks": len(self.remarks),
        }

    def sentences(self) -> Iterator[str]:
        """All of them, one after the other."""
        for each in (self.unreadable, self.empty, self.duplicates, self.remarks):
            yield from each


@dataclass(frozen=True)
class Dataset:
    """Pictures of `classes` by split. The same files give the same dataset, in the same order, everywhere."""

    classes: tuple[str, ...]
    splits: Mapping[str, tuple[Picture, ...]]
    faults: Faults = field(default_factory=Faults)

    @property
    def fingerprint(self) -> str:
        """A name for exactly these pictures with these classes in these splits."""
        digest = hashlib.sha256("\n".join(self.classes).encode())
        for split in SPLITS:
            for picture in sorted(self.splits[split], key=lambda each: (each.label, each.digest)):
                digest.update(f"\n{split} {picture.label} {picture.digest}".encode())
        return digest.hexdigest()[:16]

    def pictures(self) -> list[Picture]:
        """All of them, split after split."""
        return [picture for split in SPLITS for picture in self.splits[split]]

    def without(self, unreadable: Mapping[Path, str]) -> "Dataset":
        """This dataset less the files that turned out unreadable, by path and why. Raises NothingToLearn."""
        left = {split: tuple(each for each in self.splits[split] if each.path not in unreadable) for split in SPLITS}
        named = tuple(f"{path}: {why}" for path, why in unreadable.items())
        return _with_classes_that_are_left(
            Dataset(self.classes, left, replace(self.faults, unreadable=self.faults.unreadable + named))
        )


def read_dataset(root: Path, seed: int = 0, seen: Callable[[], object] = lambda: None) -> Dataset:
    """The dataset in the folder `root`; `seen` is called for each file that was looked at.

    A folder of class folders is split 80/10/10 within each class, by the seed and each picture's content: a picture
    that is added moves no other. Of pictures with equal content one stays, that of the split which must be
    untouched most (test, then valid). Raises NothingToLearn.
    """
    if not root.is_dir():
        raise NothingToLearn(f"{root} is no folder; name one of class folders, or of train, valid and test")
    found: list[tuple[str, str, Path, str]] = []  # split or "", class, file, digest
    unreadable: list[str] = []
    layout = _split_folders(root)
    for split, folder in layout.items():
        for class_folder in sorted(_folders(folder)):
            for path in sorted(_files(class_folder)):
                try:
                    found.append((split, class_folder.name, path, sha256(path)))
                except OSError as error:
                    unreadable.append(f"{path}: {error.strerror}")
                seen()
    if not found:
        raise NothingToLearn(
            f"{root} has no pictures in class folders; put each class's pictures into a folder of its name"
        )
    folders = sorted({folder for each in layout.values() for folder in map(_name, _folders(each))})
    names = dict(zip(folders, readable_names(folders), strict=True))
    place = {name: index for index, name in enumerate(folders)}
    placed = [
        (split or _split_of(digest, seed), Picture(path, place[folder], digest))
        for split, folder, path, digest in found
    ]
    splits, duplicates = _without_duplicates(placed)
    remarks = tuple(
        f"there is no {split} picture; {what}"
        for split, what in (("valid", "some of train are used instead"), ("test", "nothing is said of unseen ones"))
        if not splits[split]
    )
    dataset = Dataset(
        tuple(names[folder] for folder in folders),
        _with_validation(splits, seed),
        Faults(unreadable=tuple(unreadable), duplicates=duplicates, remarks=remarks),
    )
    return _with_classes_that_are_left(dataset)


def readable_names(folders: Iterable[str]) -> list[str]:
    """Class names from folder names: `042.Cairn_terrier` is Cairn terrier, unless two would then be the same."""
    folders = list(folders)
    numbered = all(_NUMBERED.match(folder) for folder in folders)
    names = [(_NUMBERED.sub("", folder) if numbered else folder).replace("_", " ").strip() for folder in folders]
    taken = Counter(names)
    return [name if name and taken[name] == 1 else folder for name, folder in zip(names, folders, strict=True)]


def _name(path: Path) -> str:
    return path.name


def _split_folders(root: Path) -> dict[str, Path]:
    """The folder of each split, or the root alone, for no split yet."""
    by_name = {folder.name.lower(): folder for folder in _folders(root)}
    found = {
        split: by_name[spelling]
        for split, spellings in _SPELLINGS.items()
        for spelling in spellings
        if spelling in by_name
    }
    return found if "train" in found else {"": root}


def _folders(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")]


def _files(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURES and path.is_file() and not path.name.startswith(".")
    ]


def _share(digest: str, seed: int) -> float:
    """A number from 0 to 1 that the content and the seed decide."""
    mixed = hashlib.sha256(f"{seed} {digest}".encode()).digest()
    return int.from_bytes(mixed[:8], "big") / 2**64


def _split_of(digest: str, seed: int) -> str:
    share = _share(digest, seed)
    return "train" if share < SHARES["train"] else "valid" if share < SHARES["train"] + SHARES["valid"] else "test"


def _without_duplicates(
    placed: list[tuple[str, Picture]],
) -> tuple[dict[str, tuple[Picture, ...]], tuple[str, ...]]:
    first: dict[str, Picture] = {}
    splits: dict[str, list[Picture]] = {split: [] for split in SPLITS}
    duplicates: list[str] = []
    for guarded in reversed(SPLITS):
        for split, picture in placed:
            if split != guarded:
                continue
            if (original := first.setdefault(picture.digest, picture)) is picture:
                splits[split].append(picture)
            else:
                of = "" if original.label == picture.label else ", which is in another class"
                duplicates.append(f"{picture.path}: the same picture as {original.path}{of}")
    return {split: tuple(each) for split, each in splits.items()}, tuple(duplicates)


def _with_validation(splits: dict[str, tuple[Picture, ...]], seed: int) -> dict[str, tuple[Picture, ...]]:
    """The splits; when there is nothing to validate on, a tenth or so of train, by content and seed."""
    if splits["valid"] or len(splits["train"]) < 2:
        return splits
    ranked = sorted(splits["train"], key=lambda each: _share(each.digest, seed))
    held: list[Picture] = []
    for label in sorted({each.label for each in ranked}):
        of_class = [each for each in ranked if each.label == label]
        held += of_class[: len(of_class) // 8]
    held = held or ranked[:1]
    taken = set(held)
    return {**splits, "valid": tuple(held), "train": tuple(each for each in splits["train"] if each not in taken)}


def _with_classes_that_are_left(dataset: Dataset) -> Dataset:
    """The dataset without the classes that no picture of train shows."""
    taught = sorted({picture.label for picture in dataset.splits["train"]})
    if not taught:
        raise NothingToLearn("no picture to learn from is left; " + "; ".join([*dataset.faults.sentences()][:5]))
    place = {label: index for index, label in enumerate(taught)}
    empty = tuple(
        f"{name}: no picture to learn from, so it is left out"
        for label, name in enumerate(dataset.classes)
        if label not in place
    )
    remarks = dataset.faults.remarks
    if len(taught) == 1:
        remarks += (f"one class only, {dataset.classes[taught[0]]}: it can only be told from none of these",)
    return Dataset(
        tuple(dataset.classes[label] for label in taught),
        {
            split: tuple(replace(each, label=place[each.label]) for each in pictures if each.label in place)
            for split, pictures in dataset.splits.items()
        },
        replace(dataset.faults, empty=dataset.faults.empty + empty, remarks=remarks),
    )
