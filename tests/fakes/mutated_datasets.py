"""Damaged folders of pictures, to see that a dataset is read from them or refused by name.

python -m tests.fakes.mutated_datasets [COUNT [SEED]]
"""

import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.networks import View
from tests.fakes.drawn_pictures import write_class_folders
from tests.fakes.mutated_pictures import mutated, samples
from tests.fakes.processes import peak_memory
from training.dataset import SPLITS, NothingToLearn, read_dataset
from training.evaluation_set import NoPictures, UnknownClasses, labelled_pictures
from training.picture_files import read_batches

NAMES = [
    *(
        b"train",
        b"valid",
        b"test",
        b"Training Set",
        b"cup",
        b"Cup",
        b"mug",
        b"001.Cup",
        b"1.5V",
        b"a.jpg",
        b"film.mp4",
    ),
    *(b"caf\xe9", "café".encode(), "cafe\u0301".encode(), b"\xff\xfe", b"a\nb", b" ", b"...", b".hidden", b"@eaDir"),
    *(
        "сup".encode(),
        "\u202ecup".encode(),
        "\u200b".encode(),
        b"x" * 240,
        b"-rf",
        b"%s",
        b"batch1",
        b"batch2",
        b"CON",
    ),
]


def _any(chance: random.Random, root: Path, *, folders: bool | None = None) -> Path:
    """A file or a folder in `root`, or `root` itself; with `folders`, no link."""
    found = sorted(
        each for each in root.rglob("*") if folders is None or (each.is_dir() is folders and not each.is_symlink())
    )
    return chance.choice([root, *found])


def _name(chance: random.Random) -> str:
    return os.fsdecode(chance.choice(NAMES))


def _rename(chance: random.Random, root: Path) -> None:
    old = _any(chance, root)
    new = old.with_name(_name(chance) + chance.choice(("", ".png", ".txt")))
    if old != root and not os.path.lexists(new):
        old.rename(new)


def _move(chance: random.Random, root: Path) -> None:
    what, where = _any(chance, root), _any(chance, root, folders=True)
    if what not in (root, where, *where.parents) and not os.path.lexists(where / what.name):
        what.rename(where / what.name)


def _link(chance: random.Random, root: Path) -> None:
    place = _any(chance, root, folders=True) / _name(chance)
    if not os.path.lexists(place):
        place.symlink_to(chance.choice([_any(chance, root), Path("nowhere.png"), Path("..")]))


def _damage(chance: random.Random, root: Path) -> None:
    path = _any(chance, root, folders=False)
    if path.is_file():
        path.write_bytes(mutated(chance, _SAMPLES))


def _empty(chance: random.Random, root: Path) -> None:
    path = _any(chance, root, folders=False)
    if path.is_file():
        path.write_bytes(b"")


def _remove(chance: random.Random, root: Path) -> None:
    path = _any(chance, root)
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path != root and path.is_dir():
        shutil.rmtree(path)


def _add(chance: random.Random, root: Path) -> None:
    place = _any(chance, root, folders=True) / (_name(chance) + chance.choice(("", ".jpg", ".webm")))
    make: list[Callable[[Path], object]] = [Path.mkdir, os.mkfifo, lambda path: path.write_bytes(_SAMPLES[0])]
    if not os.path.lexists(place):
        chance.choice(make)(place)


def _nest(chance: random.Random, root: Path) -> None:
    """Moves everything into deep folders."""
    inner = root
    held = [*root.iterdir()]
    for _ in range(chance.choice((1, 2, 40))):
        inner /= chance.choice(("a", "train", "x y"))
        if os.path.lexists(inner):
            return
        inner.mkdir()
    for path in held:
        path.rename(inner / path.name)


def _copy(chance: random.Random, root: Path) -> None:
    path, place = _any(chance, root, folders=False), _any(chance, root, folders=True) / f"copy{chance.random()}.png"
    if path.is_file():
        shutil.copyfile(path, place)


_SAMPLES = samples()
_MUTATIONS = [_rename, _rename, _move, _move, _link, _damage, _damage, _empty, _remove, _add, _nest, _copy]


def _use(root: Path, seed: int) -> str:
    """Does with the folder what `train` and `evaluate` do first. Returns what happened."""
    try:
        labelled_pictures(root, ("cup", "mug", "jar"))
    except (NoPictures, UnknownClasses) as error:
        assert "\n" not in str(error)
    try:
        dataset = read_dataset(root, seed)
        unreadable: dict[Path, str] = {}
        for batch in read_batches(dataset.pictures(), View(16, crop=1.0), 8):
            unreadable |= batch.unreadable
            assert len(batch.pixels) == len(batch.readable)
        dataset = dataset.without(unreadable)
    except NothingToLearn as error:
        assert "\n" not in str(error)
        str(error).encode()
        return "refused"
    assert {each.label for each in dataset.splits["train"]} == set(range(len(dataset.classes)))
    assert sum(len(dataset.splits[split]) for split in SPLITS) == len({each.digest for each in dataset.pictures()})
    for sentence in (*dataset.faults.sentences(), *dataset.classes):
        sentence.encode()
    return f"{len(dataset.classes)} classes"


def read_mutations(folder: Path, count: int, seed: int) -> dict[str, Any]:
    """Reads `count` damaged datasets in `folder`. Raises what is not a named error. Returns what happened."""
    chance = random.Random(seed)
    happened: Counter[str] = Counter()
    slowest = 0.0
    for number in range(count):
        root = folder / "data"
        if chance.random() < 0.3:
            for place, split in enumerate(SPLITS):
                write_class_folders(root / split, {"cup": 3, "mug": 2}, first_seed=10 * place)
        else:
            write_class_folders(root, {"cup": 4, "mug": 3, "jar": chance.choice((0, 1, 3))})
        for _ in range(chance.choice((1, 2, 4, 8))):
            chance.choice(_MUTATIONS)(chance, root)
        started = time.perf_counter()
        try:
            happened[_use(root, seed)] += 1
        except BaseException:
            print(f"dataset {number} of seed {seed}, {root}", file=sys.stderr)
            raise
        slowest = max(slowest, time.perf_counter() - started)
        shutil.rmtree(root)
    return {"datasets": count, "happened": happened, "slowest_s": slowest, "peak_memory": peak_memory()}


def main(count: int = 2000, seed: int = 0) -> None:
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(read_mutations(Path(folder), count, seed), ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
