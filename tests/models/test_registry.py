import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from models.bundle import MANIFEST, WEIGHTS, BrokenBundle, Bundle, Manifest
from models.gate import Gate
from models.networks import Head, facts
from models.registry import (
    LIVE,
    BadName,
    BrokenRegistry,
    NothingBefore,
    NotInRegistry,
    Promotion,
    Registry,
    StillLive,
)
from models.storage import Unwritable
from tests.fakes.disks import largest_file, small_disk

PETS = Manifest("pets", facts("efficientnet_lite0"), Head(2), ("cat", "dog"))
NOT_A_DOG = Gate("efficientnet_lite0", tuple(range(151, 269)), "not a dog")


def written(folder: Path, temperature: float = 1.0) -> Bundle:
    weights = {"000.logits.kernel": np.zeros((4, 2), np.float32)}
    return Bundle.write(folder, replace(PETS, temperature=temperature), weights)


def flip_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry")


@pytest.fixture
def two(registry: Registry, tmp_path: Path) -> list[str]:
    """Two versions of pets, in the order in which they were added."""
    return [registry.add(written(tmp_path / f"b{warmth}", warmth).folder, "pets") for warmth in (1.0, 2.0)]


def test_what_is_added_is_a_whole_bundle_that_is_not_live(registry: Registry, tmp_path: Path) -> None:
    bundle = written(tmp_path / "trained")
    assert registry.add(bundle.folder, "cats_and_dogs") == bundle.version
    shutil.rmtree(bundle.folder)
    assert Bundle.open(registry.path("cats_and_dogs", bundle.version)).version == bundle.version
    assert registry.names() == ["cats_and_dogs"]
    assert registry.live("cats_and_dogs") is None


def test_an_empty_registry_needs_no_folder(registry: Registry) -> None:
    assert registry.names() == []
    assert registry.live("pets") is None
    assert registry.stamp() == ()


def test_promoting_and_rolling_back_moves_what_is_live(registry: Registry, two: list[str]) -> None:
    first, second = two
    registry.promote("pets", first)
    registry.promote("pets", second)
    assert registry.live("pets") == Promotion(second)
    assert registry.rollback("pets") == Promotion(first)
    assert registry.live("pets") == Promotion(first)


def test_newest_version_is_promoted_when_none_is_named(registry: Registry, two: list[str]) -> None:
    assert registry.promote("pets").version == two[1]


def test_promoting_what_is_live_leaves_the_way_back(registry: Registry, two: list[str]) -> None:
    for version in (*two, two[1]):
        registry.promote("pets", version)
    assert registry.rollback("pets") == Promotion(two[0])


def test_first_promotion_has_nothing_before_it(registry: Registry, two: list[str]) -> None:
    with pytest.raises(NothingBefore, match=r"no version of pets is live.*models promote pets"):
        registry.rollback("pets")
    registry.promote("pets")
    with pytest.raises(NothingBefore, match="models remove pets"):
        registry.rollback("pets")
    assert registry.live("pets") == Promotion(two[1])


def test_before_the_first_version_of_a_published_network_is_the_published_one(
    registry: Registry, tmp_path: Path
) -> None:
    registry.add(written(tmp_path / "b").folder, "efficientnet_lite0")
    registry.promote("efficientnet_lite0")
    assert registry.rollback("efficientnet_lite0") is None
    assert registry.live("efficientnet_lite0") is None


def test_gate_is_live_with_its_version_and_rolled_back_with_it(registry: Registry, two: list[str]) -> None:
    registry.promote("pets", two[0], NOT_A_DOG)
    registry.promote("pets", two[0])
    assert registry.live("pets") == Promotion(two[0])
    assert registry.rollback("pets") == Promotion(two[0], NOT_A_DOG)


def test_flipped_byte_is_refused_when_it_is_added(registry: Registry, tmp_path: Path) -> None:
    bundle = written(tmp_path / "b")
    flip_a_byte(bundle.folder / WEIGHTS)
    with pytest.raises(BrokenBundle, match=r"model\.safetensors is damaged"):
        registry.add(bundle.folder, "pets")
    assert registry.versions("pets") == []


@pytest.mark.parametrize(("part", "complaint"), [(WEIGHTS, "is damaged"), (MANIFEST, "not JSON")])
def test_flipped_byte_is_refused_when_it_is_promoted_or_rolled_back_to(
    registry: Registry, two: list[str], part: str, complaint: str
) -> None:
    registry.promote("pets", two[0])
    registry.promote("pets", two[1])
    flip_a_byte(registry.path("pets", two[0]) / part)
    with pytest.raises(BrokenBundle, match=complaint):
        registry.promote("pets", two[0])
    with pytest.raises(BrokenBundle, match=complaint):
        registry.rollback("pets")
    assert registry.live("pets") == Promotion(two[1])


def test_unknown_version_is_named_with_those_that_are_there(registry: Registry, two: list[str]) -> None:
    with pytest.raises(NotInRegistry, match=f"'0123'.*{two[0]}"):
        registry.promote("pets", "0123")
    with pytest.raises(NotInRegistry, match=r"there is no trained model .birds.*pets.*models add"):
        registry.promote("birds")


@pytest.mark.parametrize("name", ["", "..", "../pets", "a/b", ".hidden", "x" * 65, "a,b"])
def test_name_that_is_no_folder_of_ours_is_refused(registry: Registry, tmp_path: Path, name: str) -> None:
    bundle = written(tmp_path / "b")
    for attempt in (
        lambda: registry.add(bundle.folder, name),
        lambda: registry.promote(name),
        lambda: registry.remove(name),
    ):
        with pytest.raises(BadName, match="is no name for a model"):
            attempt()


@pytest.mark.parametrize(
    ("name", "usable"),
    [("my cups", "my-cups"), ("Größe", "Groe"), ("-x.", "x"), ("a" * 70, "a" * 64), ("日本", "model")],
)
def test_a_name_that_may_be_used_is_offered_instead(
    registry: Registry, tmp_path: Path, name: str, usable: str
) -> None:
    bundle = written(tmp_path / "b")
    with pytest.raises(BadName, match=f"such as {usable}$"):
        registry.add(bundle.folder, name)
    registry.add(bundle.folder, usable)
    assert registry.names() == [usable]


def test_live_version_is_removed_only_with_its_model(registry: Registry, two: list[str]) -> None:
    registry.promote("pets", two[1])
    with pytest.raises(StillLive, match="remove the whole model"):
        registry.remove("pets", two[1])
    registry.remove("pets", two[0])
    assert registry.versions("pets") == [two[1]]
    registry.remove("pets")
    assert registry.names() == []
    assert list(registry.folder.iterdir()) == []
    with pytest.raises(NotInRegistry, match="pets"):
        registry.remove("pets")


def test_removed_version_is_not_rolled_back_to(registry: Registry, two: list[str]) -> None:
    registry.promote("pets", two[0])
    registry.promote("pets", two[1])
    registry.remove("pets", two[0])
    with pytest.raises(NothingBefore):
        registry.rollback("pets")


def test_stamp_differs_after_every_change_of_what_is_live(registry: Registry, two: list[str]) -> None:
    stamps = [registry.stamp()]
    changes: tuple[Callable[[], object], ...] = (
        lambda: registry.promote("pets", two[0]),
        lambda: registry.promote("pets", two[1]),
        lambda: registry.rollback("pets"),
        lambda: registry.remove("pets"),
    )
    for change in changes:
        change()
        stamps.append(registry.stamp())
    assert all(before != after for before, after in pairwise(stamps))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format": 2}',
        '{"format": 1, "promotions": [{}]}',
        '{"format": 1, "promotions": [{"version": "1", "gate": {"network": "x", "labels": "1", "answer": "y"}}]}',
        '{"format": 1, "promotions": [{"version": "1", "gate": {"network": "", "labels": "1", "answer": []}}]}',
        '{"format": 1, "promotions": [{"version": "1", "gate": []}]}',
        "[" * 100_000,
    ],
)
def test_live_json_that_is_none_is_named(registry: Registry, two: list[str], text: str) -> None:
    (registry.folder / "pets" / LIVE).write_text(text)
    with pytest.raises(BrokenRegistry, match=r"pets/live\.json"):
        registry.live("pets")


def test_model_for_which_there_is_no_room_leaves_the_registry_as_it_was(registry: Registry, tmp_path: Path) -> None:
    bundle = written(tmp_path / "pets")
    with largest_file(50), pytest.raises(Unwritable, match=r"make room there.*--registry"):
        registry.add(bundle.folder, "pets")
    assert not registry.folder.exists()
    with small_disk(tmp_path / "disk", "size=4k") as disk:
        with pytest.raises(Unwritable, match=r"make room there.*--registry"):
            Registry(disk / "registry").add(bundle.folder, "pets")
        assert list(disk.iterdir()) == []


def test_models_are_removed_although_the_disk_has_no_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=64k,nr_inodes=8") as disk:
        registry = Registry(disk / "registry")
        version = registry.add(written(tmp_path / "pets").folder, "pets")
        for number in range(8):
            with suppress(OSError):
                (disk / f"full{number}").touch()
        registry.remove("pets", version)
        registry.remove("pets")
        assert registry.names() == []


def test_interrupted_promotion_leaves_the_former_one(
    registry: Registry, two: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.promote("pets", two[0])

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Unwritable, match=r"No space left on device.*--registry"):
        registry.promote("pets", two[1])
    assert registry.live("pets") == Promotion(two[0])
    assert sorted(path.name for path in (registry.folder / "pets").iterdir()) == sorted([LIVE, *two])


def test_live_json_can_be_read_by_people(registry: Registry, two: list[str]) -> None:
    registry.promote("pets", two[0], NOT_A_DOG)
    plain = json.loads((registry.folder / "pets" / LIVE).read_text())
    assert plain["promotions"][-1] == {
        "version": two[0],
        "gate": {"network": "efficientnet_lite0", "labels": "151-268", "answer": "not a dog"},
    }
