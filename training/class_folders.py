"""Which class and which split a picture belongs to, by the folders that it is in.

* A folder with pictures in it is a class, with the folder's name. Folders in it are parts of it when there is only
  one, or when their names differ only in numbers (`batch1`, `batch2`). Others may be classes themselves, so they are
  refused.
* Folders called train, valid and test (or training, val, test_set and so on) are splits when they hold class folders.
  A folder with pictures directly in it is a class, whatever its name. Splits may also be inside the class folders.
* A folder that holds only one folder with the classes is passed through.
* Names are those of the folders. Only where every class folder is called like `012.Some_name` (three digits, a dot, a
  letter) is this read as "Some name". Names that differ only in their Unicode form are one class.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from models.picture_folder import Listing, shown, some, utf8

NUMBERED = re.compile(r"[0-9]{3}\.(?=[^\W\d_])")  # the form of the published dog set

_SPLIT_NAME = re.compile(
    r"(?:(?P<train>train|training)|(?P<valid>valid|validation|val|dev)|(?P<test>test|testing))"
    r"(?:[ _-]?(?:set|data|dataset|images|split))?",
    re.IGNORECASE,
)
_LOOK_ALIKES = str.maketrans("авеикмнорстухіјѕԁһοανρικ", "abeukmhopctyxijsdhoavpik")  # Cyrillic and Greek letters


class NothingToLearn(ValueError):
    """The folder has no pictures in class folders, or they can be understood in two ways; the message says more."""


@dataclass(frozen=True, slots=True)
class Found:
    """A picture file, its class folder's name, and its split, "" when no folder says it."""

    split: str
    name: str
    path: Path


@dataclass(frozen=True)
class ClassFolders:
    """The pictures by split and class; all class `names`, also those without pictures; and remarks, as sentences."""

    pictures: tuple[Found, ...]
    names: tuple[str, ...]
    remarks: tuple[str, ...]


@dataclass
class _Folder:
    """A folder: the pictures directly in it, and its folders by name, with and without pictures."""

    path: Path
    pictures: list[Path] = field(default_factory=list)
    folders: dict[str, "_Folder"] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return class_name(self.path.name)

    @property
    def split(self) -> str:
        """The split that its name says, or ""."""
        found = _SPLIT_NAME.fullmatch(self.path.name)
        return (found.lastgroup or "") if found else ""

    def all(self) -> list[Path]:
        """The pictures in it, at any depth."""
        return sorted([*self.pictures, *(path for each in self.folders.values() for path in each.all())])

    def filled(self) -> list["_Folder"]:
        """Its folders that have pictures in them, at any depth."""
        return [each for _, each in sorted(self.folders.items()) if each.any()]

    def empty(self) -> list["_Folder"]:
        return [each for _, each in sorted(self.folders.items()) if not each.any()]

    def any(self) -> bool:
        return bool(self.pictures) or any(each.any() for each in self.folders.values())


def class_folders(listing: Listing) -> ClassFolders:
    """The class and the split of each picture of a folder. Raises NothingToLearn."""
    root, remarks, empty = _tree(listing), list[str](), list[str]()
    while inner := _wrapped(root):
        remarks += _beside(root)
        remarks.append(
            f"{shown(inner.path)} holds the class folders; it is the only folder with pictures where it is"
        )
        root = inner
    splits = _split_folders(root)
    found: list[Found] = []
    classes: list[_Folder] = []
    if splits:
        for folder in splits:
            filled = folder.filled()
            found += [Found(folder.split, each.name, path) for each in filled for path in each.all()]
            empty += [each.name for each in folder.empty()]
            classes += filled
            remarks += _beside(folder)
        remarks += [
            f"{shown(each.path)} is no split folder with class folders in it; pictures not used: {len(each.all())}"
            for each in root.filled()
            if each not in splits
        ]
    else:
        classes = root.filled()
        empty += [each.name for each in root.empty()]
        inside = _splits_inside(classes)
        for each in classes:
            parts = [(part.split, part) for part in each.filled()] if inside else [("", each)]
            found += [Found(split, each.name, path) for split, part in parts for path in part.all()]
    remarks += _beside(root)
    if not found:
        raise NothingToLearn(
            f"{shown(listing.root)} has no pictures in class folders; "
            "put each class's pictures into a folder of its name"
        )
    if splits or not _splits_inside(classes):
        remarks += _parts(classes)
    names = sorted({each.name for each in found} | set(empty))
    return ClassFolders(tuple(found), tuple(names), (*remarks, *_same_names(classes), *look_alikes(names)))


def class_name(folder: str) -> str:
    """A folder's name as text: in Unicode's form NFC, because macOS stores accents separately."""
    return unicodedata.normalize("NFC", utf8(folder))


def readable_names(folders: Iterable[str]) -> list[str]:
    """Class names for folder names: `042.Cairn_terrier` gives "Cairn terrier" if all folders are named like this.

    Else, and where two names would be equal, they are the folder names.
    """
    folders = list(folders)
    if not all(NUMBERED.match(folder) for folder in folders):
        return folders
    names = [NUMBERED.sub("", folder, count=1).replace("_", " ").strip() for folder in folders]
    counts = Counter(names)
    return [name if counts[name] == 1 else folder for name, folder in zip(names, folders, strict=True)]


def look_alikes(names: Iterable[str]) -> list[str]:
    """A remark for each group of names that differ only in case, in spaces, or in letters that look the same."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[_appearance(name)].append(name)
    remarks = []
    for group in groups.values():
        if len(group) > 1:
            case = len({name.casefold() for name in group}) == 1
            written = ", ".join(f"“{shown(name)}”" + ("" if name.isascii() else f" ({name!a})") for name in group)
            remarks.append(f"{written} {'differ only in case' if case else 'look alike'}; each is a class of its own")
    return remarks


def _appearance(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold().translate(_LOOK_ALIKES)
    visible = "".join(each for each in folded if unicodedata.category(each) not in ("Cc", "Cf"))
    return " ".join(re.sub(r"[_\-]", " ", visible).split())


def _tree(listing: Listing) -> _Folder:
    root = _Folder(listing.root)
    for folder in listing.folders:
        _place(root, folder)
    for path in listing.files:
        _place(root, path.parent).pictures.append(path)
    return root


def _place(root: _Folder, folder: Path) -> _Folder:
    place, path = root, root.path
    for name in folder.relative_to(root.path).parts:
        path = path / name
        place = place.folders.setdefault(name, _Folder(path))
    return place


def _wrapped(folder: _Folder) -> _Folder | None:
    """The only folder with pictures in `folder`, if that one holds class or split folders."""
    match folder.filled():
        case [inner] if not inner.split and not inner.pictures:
            inside = inner.filled()
            holds_classes = len(inside) > 1 and not _numbered_parts(inside)
            holds_train = len(inside) == 1 and bool(inside[0].split) and not inside[0].pictures
            return inner if holds_classes or holds_train or _wrapped(inner) else None
    return None


def _split_folders(root: _Folder) -> list[_Folder]:
    """The folders of the splits, train first; none where the folders are classes. Raises NothingToLearn."""
    filled = root.filled()
    named = [each for each in filled if each.split]
    only_splits = len(named) == len(filled)
    holding = [each for each in named if each.filled() and (only_splits or not each.pictures)]
    held = {each.split for each in holding}
    if only_splits and named and "train" not in held:
        names = ", ".join(shown(each.name) for each in named)
        if not holding:
            raise NothingToLearn(
                f"{shown(root.path)}: {names} hold pictures but no class folders; "
                "put each class's pictures into a folder of its name in them"
            )
        raise NothingToLearn(
            f"{shown(root.path)} has no class folders in train, only {names}; name one of them train, or give "
            f"{shown(holding[0].path)} itself, whose pictures are then split"
        )
    if only_splits or (len(held) > 1 and "train" in held):
        order = ("train", "valid", "test")
        return sorted(holding, key=lambda each: (order.index(each.split), each.path))
    return []


def _splits_inside(classes: list[_Folder]) -> bool:
    """Whether every class folder holds nothing but split folders, one of them train: `cat/train`, `cat/test`."""
    parts = [part for each in classes for part in each.filled()]
    return (
        all(each.filled() and not each.pictures for each in classes)
        and all(part.split for part in parts)
        and any(part.split == "train" for part in parts)
    )


def _numbered_parts(folders: list[_Folder]) -> bool:
    """Whether the names differ only in numbers: parts of one class, like `batch1` and `batch2`."""
    return len({re.sub(r"[\d\W_]+", "", each.name) for each in folders}) == 1


def _parts(classes: list[_Folder]) -> Iterator[str]:
    """A remark on the folders in class folders. Raises NothingToLearn where these may be classes themselves."""
    names = {each.name for each in classes}
    parts: list[str] = []
    for each in classes:
        waiting = [each]
        while waiting:
            folder = waiting.pop()
            inside = folder.filled()
            twice = [part for part in inside if part.name in names - {each.name}]
            if twice or (len(inside) > 1 and not _numbered_parts(inside)):
                found = some(shown(part.path.name) for part in twice or inside)
                raise NothingToLearn(
                    f"classes inside classes: {shown(folder.path)} holds the folders {found}. "
                    f"To teach these, move them beside {shown(each.path.name)}; to teach {shown(each.path.name)}, "
                    "put their pictures directly into it"
                )
            parts += [shown(part.path.relative_to(each.path.parent)) for part in inside]
            waiting += inside
    if parts:
        yield f"pictures in folders inside a class folder belong to that class: {some(parts)}"


def _beside(folder: _Folder) -> Iterator[str]:
    """A remark on pictures that are in no class folder."""
    if folder.pictures:
        names = some(shown(path.name) for path in folder.pictures)
        yield (
            f"pictures in {shown(folder.path)} itself, in no class folder, not used: {len(folder.pictures)} "
            f"({names}); move them into the folder of their class"
        )


def _same_names(classes: list[_Folder]) -> Iterator[str]:
    """Remarks on names in two Unicode forms, and on names that are no UTF-8."""
    written: defaultdict[str, set[str]] = defaultdict(set)
    for each in classes:
        written[each.name].add(each.path.name)
    for name, spellings in written.items():
        if len(spellings) > 1:
            yield f"{len(spellings)} folders called {shown(name)}, in different Unicode forms, are one class"
        elif any(utf8(each) != each for each in spellings):
            yield f"the name of the folder {shown(name)} is no UTF-8; this is how the class is called"
