import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import SafetensorError

from models.bundle import MANIFEST, UNMEASURED, WEIGHTS, BrokenBundle, Bundle, Manifest
from models.networks import Head, Network, UnknownNetwork, facts
from models.storage import Unwritable

MANY = int(os.environ.get("SIGHTSTREAM_FUZZ_BUNDLES", "150"))
BREEDS = Manifest(
    name="breeds",
    network=facts("efficientnet_lite0"),
    head=Head(3, hidden=(512, 256), dropout=0.5),
    labels=("001.Affenpinscher", "002.Afghan_hound", "003.Löwchen"),
    temperature=1.3,
    abstain_below=0.4,
    about={"top1": 0.83, "recipe": "best"},
)
TENSORS = {
    "000.logits.kernel": np.arange(12, dtype=np.float32).reshape(4, 3),
    "000.logits.bias": np.zeros(3, np.float32),
}


def test_bundle_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = Bundle.write(tmp_path / "breeds", BREEDS, TENSORS)
    opened = Bundle.open(tmp_path / "breeds")
    assert opened == written
    assert opened.manifest == BREEDS
    assert opened.version == written.version
    assert sorted(path.name for path in opened.folder.iterdir()) == sorted([MANIFEST, WEIGHTS])


def test_same_content_has_the_same_version_everywhere(tmp_path: Path) -> None:
    here = Bundle.write(tmp_path / "here", BREEDS, TENSORS)
    backwards = dict(reversed(TENSORS.items()))
    there = Bundle.write(tmp_path / "there", replace(BREEDS, name="dogs", about={}), backwards)
    assert there.version == here.version


@pytest.mark.parametrize(
    "other",
    [
        replace(BREEDS, labels=("a", "b", "c")),
        replace(BREEDS, temperature=1.0),
        replace(BREEDS, abstain_below=None),
        replace(BREEDS, sure_of="likeliest"),
        replace(BREEDS, head=Head(3)),
        replace(BREEDS, network=Network("efficientnet_lite0", 192, mean=127, scale=128)),
        replace(BREEDS, network=replace(BREEDS.network, crop=0.9)),
    ],
    ids=["labels", "temperature", "abstain", "sure of", "head", "size", "crop"],
)
def test_other_facts_are_another_version(tmp_path: Path, other: Manifest) -> None:
    one = Bundle.write(tmp_path / "one", BREEDS, TENSORS)
    assert Bundle.write(tmp_path / "other", other, TENSORS).version != one.version


def test_when_it_is_not_sure_is_no_other_version(tmp_path: Path) -> None:
    one = Bundle.write(tmp_path / "one", BREEDS, TENSORS)
    other = Bundle.write(tmp_path / "other", replace(BREEDS, unsure_below=0.3), TENSORS)
    assert (other.version, Bundle.open(other.folder).manifest.unsure_below) == (one.version, 0.3)


def as_the_first_release_wrote_it(folder: Path, about: Mapping[str, Any]) -> Path:
    """A bundle without what manifests did not say then."""
    bundle = Bundle.write(folder, replace(BREEDS, about=about), TENSORS)
    plain = json.loads((folder / MANIFEST).read_text())
    for fields, key in ((plain, "sure_of"), (plain, "unsure_below"), (plain["network"], "crop")):
        del fields[key]
    plain["version"] = "60a4cbafdf5e"
    (bundle.folder / MANIFEST).write_text(json.dumps(plain))
    return folder


@pytest.mark.parametrize(
    ("about", "crop"), [({}, 0.875), ({"crop": 0.875}, 0.875), ({"crop": 0.9}, 0.9), ({"crop": 1}, 1)]
)
def test_old_manifest_keeps_its_version_and_the_crop_of_then(
    tmp_path: Path, about: Mapping[str, Any], crop: float
) -> None:
    opened = Bundle.open(as_the_first_release_wrote_it(tmp_path / "breeds", about))
    assert opened.version == "60a4cbafdf5e"
    assert opened.manifest.network.crop == crop
    assert (opened.manifest.sure_of, opened.manifest.unsure_below) == ("classes", UNMEASURED)


@pytest.mark.parametrize("crop", [0, -1, 1.5, "all", None])
def test_old_manifest_with_an_impossible_crop_is_refused(tmp_path: Path, crop: object) -> None:
    with pytest.raises(BrokenBundle, match=r"bundle\.json is not what it should be"):
        Bundle.open(as_the_first_release_wrote_it(tmp_path / "breeds", {"crop": crop}))


def test_crop_that_was_edited_is_refused(tmp_path: Path) -> None:
    folder = Bundle.write(tmp_path / "breeds", BREEDS, TENSORS).folder
    written = json.loads((folder / MANIFEST).read_text())
    written["network"]["crop"] = 0.9
    (folder / MANIFEST).write_text(json.dumps(written))
    with pytest.raises(BrokenBundle, match="was changed"):
        Bundle.open(folder)


def test_other_weights_are_another_version(tmp_path: Path) -> None:
    one = Bundle.write(tmp_path / "one", BREEDS, TENSORS)
    changed = TENSORS | {"000.logits.bias": np.ones(3, np.float32)}
    assert Bundle.write(tmp_path / "other", BREEDS, changed).version != one.version


@pytest.mark.parametrize("place", [0, 100, -1])
def test_flipped_byte_in_the_weights_is_refused_by_name(tmp_path: Path, place: int) -> None:
    file = Bundle.write(tmp_path / "breeds", BREEDS, TENSORS).folder / WEIGHTS
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    with pytest.raises(BrokenBundle, match=r"breeds: model\.safetensors is damaged"):
        Bundle.open(tmp_path / "breeds")


def test_edited_manifest_is_refused(tmp_path: Path) -> None:
    file = Bundle.write(tmp_path / "breeds", BREEDS, TENSORS).folder / MANIFEST
    file.write_text(file.read_text().replace("Afghan_hound", "Chow_chow"))
    with pytest.raises(BrokenBundle, match="was changed"):
        Bundle.open(tmp_path / "breeds")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not JSON"),
        ("[]", "format"),
        ('{"format": 2}', "format"),
        ('{"format": 1}', "head"),
        ('{"format": 1, "head": {"classes": 1, "hidden": [], "dropout": 0}, "name": "x"}', "network"),
    ],
)
def test_manifest_that_is_none_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    (Bundle.write(tmp_path / "breeds", BREEDS, TENSORS).folder / MANIFEST).write_text(text)
    with pytest.raises(BrokenBundle, match=complaint):
        Bundle.open(tmp_path / "breeds")


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("network.input_size", "224"),
        ("network.input_size", 10**6),
        ("network.mean", None),
        ("network.scale", 0),
        ("network.crop", 0),
        ("network.crop", 1.01),
        ("network.crop", "0.9"),
        ("unsure_below", 1.01),
        ("unsure_below", None),
        ("head.classes", 3.5),
        ("head.hidden", [10**9]),
        ("head.dropout", 1),
        ("labels", [1, 2, 3]),
        ("labels", ["a", "b", "\ud800"]),
        ("temperature", float("nan")),
        ("temperature", 10**400),
        ("abstain_below", "0.5"),
        ("about", []),
    ],
)
def test_manifest_with_impossible_values_is_refused_when_it_is_opened(
    tmp_path: Path, where: str, value: object
) -> None:
    file = Bundle.write(tmp_path / "breeds", BREEDS, TENSORS).folder / MANIFEST
    written = json.loads(file.read_text())
    *groups, key = where.split(".")
    holder = written[groups[0]] if groups else written
    holder[key] = value
    file.write_text(json.dumps(written))
    with pytest.raises(BrokenBundle, match=r"bundle\.json is not what it should be"):
        Bundle.open(tmp_path / "breeds")


def test_manifest_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    (Bundle.write(tmp_path / "breeds", BREEDS, TENSORS).folder / MANIFEST).write_text("[" * 100_000)
    with pytest.raises(BrokenBundle, match="not JSON"):
        Bundle.open(tmp_path / "breeds")


def test_weights_that_are_none_are_named(tmp_path: Path) -> None:
    bundle = Bundle.write(tmp_path / "breeds", BREEDS, TENSORS)
    (bundle.folder / WEIGHTS).write_bytes(b"\xff" * 100)
    with pytest.raises(BrokenBundle, match=r"model\.safetensors cannot be read"):
        bundle.build()


def test_damaged_bundles_and_registries_raise_nothing_but_named_errors() -> None:
    """`SIGHTSTREAM_FUZZ_BUNDLES=2000` opens so many."""
    command = [sys.executable, "-m", "tests.fakes.mutated_bundles", str(MANY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert told["happened"]["opened"] + told["happened"]["refused"] == told["bundles"] == MANY
    assert told["happened"]["opened"] > MANY / 20
    assert told["peak_memory"] < 2**30
    assert told["slowest_s"] < 30


def test_missing_parts_are_named(tmp_path: Path) -> None:
    with pytest.raises(BrokenBundle, match=r"no bundle: bundle\.json"):
        Bundle.open(tmp_path / "nothing")
    (Bundle.write(tmp_path / "breeds", BREEDS, TENSORS).folder / WEIGHTS).unlink()
    with pytest.raises(BrokenBundle, match=r"model\.safetensors cannot be read"):
        Bundle.open(tmp_path / "breeds")


def test_labels_must_match_the_classes() -> None:
    with pytest.raises(ValueError, match="3 labels for 4 classes"):
        replace(BREEDS, head=Head(4))


def test_manifest_of_an_unknown_network_is_refused() -> None:
    with pytest.raises(UnknownNetwork, match="resnet"):
        replace(BREEDS, network=Network("resnet", 224, 0, 1))


def test_pickled_objects_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(SafetensorError, match="object"):
        Bundle.write(tmp_path / "breeds", BREEDS, {"weight": np.array([print], dtype=object)})
    assert list(tmp_path.iterdir()) == []


class Interrupted(Mapping[str, np.ndarray]):
    """Weights that end in the middle."""

    def __getitem__(self, name: str) -> np.ndarray:
        raise KeyboardInterrupt

    def __iter__(self) -> Iterator[str]:
        return iter(TENSORS)

    def __len__(self) -> int:
        return len(TENSORS)


def test_interrupted_write_leaves_the_former_bundle_and_no_rubbish(tmp_path: Path) -> None:
    before = Bundle.write(tmp_path / "breeds", BREEDS, TENSORS)
    with pytest.raises(KeyboardInterrupt):
        Bundle.write(tmp_path / "breeds", replace(BREEDS, temperature=2.0), Interrupted())
    assert Bundle.open(tmp_path / "breeds").version == before.version
    assert [path.name for path in tmp_path.iterdir()] == ["breeds"]


def test_writers_at_the_same_time_leave_one_whole_bundle(tmp_path: Path) -> None:
    def write(temperature: float) -> None:
        for _ in range(10):
            Bundle.write(tmp_path / "breeds", replace(BREEDS, temperature=temperature), TENSORS)

    with ThreadPoolExecutor(4) as writers:
        list(writers.map(write, [1.0, 2.0, 3.0, 4.0]))
    assert Bundle.open(tmp_path / "breeds").manifest.temperature in {1.0, 2.0, 3.0, 4.0}
    assert [path.name for path in tmp_path.iterdir()] == ["breeds"]


def test_folder_of_something_else_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(Unwritable, match="no bundle"):
        Bundle.write(tmp_path, BREEDS, TENSORS)
    assert (tmp_path / "holiday.jpg").read_bytes() == b"mine"


def test_manifest_can_be_read_by_people(tmp_path: Path) -> None:
    text = (Bundle.write(tmp_path / "breeds", BREEDS, TENSORS).folder / MANIFEST).read_text(encoding="utf-8")
    assert "003.Löwchen" in text
    assert json.loads(text)["head"] == {"classes": 3, "hidden": [512, 256], "dropout": 0.5, "background": 0}
