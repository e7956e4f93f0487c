"""Damaged bundles, to see that they are loaded or refused by name.

    python -m tests.fakes.mutated_bundles [COUNT [SEED [LOADS]]]

LOADS of those that can be opened are also run by OpenVINO, which takes ten seconds each.
"""

import json
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from infra.commands.edge import is_expected
from models.bundle import MANIFEST, WEIGHTS, Bundle, Manifest
from models.catalog import ModelSpec, find, live_spec, load
from models.classifier import Classifier
from models.engines.base import EngineOptions
from models.gate import Gate
from models.networks import Head, Network, backbone, tensors_of, with_head
from models.registry import LIVE, Registry
from tests.fakes.mutated_pictures import mutated
from tests.fakes.processes import peak_memory

SIZE = 32
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    3,
    10**6,
    10**400,
    0.5,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "3",
    "é",
    "\ud800",
]
ODD += ["x" * 10_000, [], [[]], ["a", "b", "c"], [1, 2, 3], {}, {"classes": 3}, "inception_v3", "../..", "a\nb\0"]


def write_bundle(folder: Path, real: bool) -> Bundle:
    """A small network, or one with the right files only."""
    network = Network("efficientnet_lite0", SIZE, 127, 128)
    manifest = Manifest("pets", network, Head(3), ("cat", "dog", "owl"), 1.5, 0.2, about={"crop": 0.9, "scores": {}})
    if real:
        return Bundle.write(folder, manifest, tensors_of(with_head(backbone(network), manifest.head)))
    return Bundle.write(folder, manifest, {"000.logits.kernel": np.zeros((4, 3), np.float32)})


def _mutate(chance: random.Random, folder: Path, other: Path) -> None:
    path = folder / chance.choice((MANIFEST, MANIFEST, MANIFEST, WEIGHTS))
    content = path.read_bytes() if path.is_file() else b""
    match chance.randrange(10):
        case 0:
            path.unlink(missing_ok=True)
        case 1:
            _write(path, b"[" * chance.choice((1, 100_000)))
        case 2:
            _write(folder / chance.choice((MANIFEST, WEIGHTS)), content)
        case 3:
            path.unlink(missing_ok=True)
            path.symlink_to(chance.choice((other / "nowhere", folder, path)))
        case 4 | 5:
            _write(path, mutated(chance, [content[:4000]]) + content[4000:])
        case _ if (folder / MANIFEST).is_file():
            _change_value(chance, folder / MANIFEST)


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)  # it may be a link
    path.write_bytes(content)


def _change_value(chance: random.Random, path: Path) -> None:
    """Sets, adds or removes one value anywhere in a JSON file."""
    try:
        written = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return
    places = [*_places(written)]
    if not places:
        return
    holder, key = chance.choice(places)
    match chance.randrange(6):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder["more"] = chance.choice(ODD)
        case 1:
            holder.append(chance.choice(ODD))
        case _:
            holder[key] = chance.choice(ODD)
    _write(path, json.dumps(written).encode())


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each dict or list in a value, with each of its keys or indices."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(value[key])


def _sign(folder: Path, complaint: str) -> bool:
    """Writes the digest that a complaint asks for, as someone who edits a bundle would. False if there is none."""
    asked = re.search(r"its content is (?P<version>\w+)|SHA-256 (?P<weights_sha256>\w+), not", complaint)
    if asked:
        written = json.loads((folder / MANIFEST).read_bytes())
        written |= {key: value for key, value in asked.groupdict().items() if value}
        (folder / MANIFEST).write_text(json.dumps(written))
    return asked is not None


def _open(folder: Path) -> Bundle | str:
    """The bundle, signed as its content asks for, or why it cannot be opened."""
    complaint = ""
    for _ in range(4):
        try:
            return find(str(folder), folder)
        except Exception as error:
            if not is_expected(error):
                raise
            complaint = str(error)
            if not _sign(folder, complaint):
                break
    return complaint


def _run(bundle: Bundle, cache: Path) -> str:
    """Loads a bundle and classifies with it. Returns what happened."""
    size = bundle.manifest.network.input_size
    try:
        classifier = load(ModelSpec("pets", str(bundle.folder)), EngineOptions(cache, threads=1))
    except Exception as error:
        if not is_expected(error):
            raise
        return type(error).__name__
    assert isinstance(classifier, Classifier)
    (labels,) = classifier.classify(np.zeros((1, size, size, 3), np.uint8))
    json.dumps([each.label for each in labels], ensure_ascii=False).encode()
    classifier.close()
    return "answered"


def _live(chance: random.Random, root: Path) -> str:
    """Damages the list of live versions of a registry and reads it."""
    path = root / "pets" / LIVE
    if chance.random() < 0.6:
        _change_value(chance, path)
    else:
        path.write_bytes(mutated(chance, [path.read_bytes()]))
    try:
        live_spec(Registry(root), "pets")
    except Exception as error:
        if not is_expected(error):
            raise
        return type(error).__name__
    return "read"


def read_mutations(folder: Path, count: int, seed: int, loads: int) -> dict[str, Any]:
    """Opens `count` damaged bundles and as many registries. Raises what is not a named error."""
    chance = random.Random(seed)
    sound = write_bundle(folder / "sound", real=loads > 0)
    registry = Registry(folder / "registry")
    registry.add(sound.folder, "pets")
    registry.promote("pets", gate=Gate("efficientnet_lite0", (1, 5, 6, 7), "none"))
    live = (folder / "registry" / "pets" / LIVE).read_bytes()
    happened: Counter[str] = Counter()
    slowest = 0.0
    for number in range(count):
        bundle = folder / "bundle"
        bundle.mkdir()
        shutil.copyfile(sound.folder / MANIFEST, bundle / MANIFEST)
        shutil.copyfile(sound.folder / WEIGHTS, bundle / WEIGHTS)
        (folder / "registry" / "pets" / LIVE).write_bytes(live)
        started = time.perf_counter()
        try:
            for _ in range(chance.choice((1, 1, 2, 3))):
                _mutate(chance, bundle, folder)
            opened = _open(bundle)
            happened["opened" if isinstance(opened, Bundle) else "refused"] += 1
            happened[f"registry: {_live(chance, folder / 'registry')}"] += 1
            slowest = max(slowest, time.perf_counter() - started)
            if isinstance(opened, Bundle) and opened.version != sound.version and loads:
                loads -= 1
                happened[f"loaded: {_run(opened, folder / 'cache')}"] += 1
        except BaseException:
            print(f"bundle {number} of seed {seed}, {bundle}", file=sys.stderr)
            raise
        shutil.rmtree(bundle)
    return {"bundles": count, "happened": happened, "slowest_s": slowest, "peak_memory": peak_memory()}


def main(count: int = 2000, seed: int = 0, loads: int = 0) -> None:
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(read_mutations(Path(folder), count, seed, loads), ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
