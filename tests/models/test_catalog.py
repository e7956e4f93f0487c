"""A model's name means the same bundle to every part of the project."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.bundle import BrokenBundle, Bundle, Manifest
from models.catalog import ModelSpec, UnknownModel, configured_specs, find, live_spec, load, published
from models.engines.base import EngineOptions
from models.gate import Gate
from models.networks import Head, UnknownNetwork, facts
from models.registry import Registry
from models.storage import Unwritable
from models.weights import UnusableWeights, published_manifest

PETS = Manifest("pets", facts("efficientnet_lite0"), Head(2), ("cat", "dog"))
NOT_A_DOG = Gate("efficientnet_lite0", tuple(range(151, 269)), "not a dog")


def write(folder: Path, manifest: Manifest = PETS) -> Bundle:
    return Bundle.write(folder, manifest, {"000.logits.kernel": np.zeros((4, 2), np.float32)})


def served(model: str, cache: Path) -> Bundle:
    """The bundle that a worker serves whose settings name `model`."""
    [spec] = configured_specs([model]).values()
    return find(spec.model, cache, spec.weights)


def test_model_is_found_by_folder(tmp_path: Path) -> None:
    written = write(tmp_path / "breeds")
    assert find(str(tmp_path / "breeds"), cache=tmp_path / "cache") == written


def test_folder_needs_no_slash_when_no_published_network_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = write(tmp_path / "breeds")
    monkeypatch.chdir(tmp_path)
    assert find("breeds", tmp_path).version == served("breeds", tmp_path).version == written.version


@pytest.mark.model
def test_published_network_comes_before_a_folder_of_its_name_for_everyone(
    lite0: Bundle, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "efficientnet_lite0")
    monkeypatch.chdir(tmp_path)
    assert find("efficientnet_lite0", cache) == served("efficientnet_lite0", cache) == lite0


def test_folder_with_a_published_networks_name_is_named_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = write(tmp_path / "efficientnet_lite0").version
    monkeypatch.chdir(tmp_path)
    for path in ("./efficientnet_lite0", "efficientnet_lite0/", str(tmp_path / "efficientnet_lite0")):
        assert find(path, tmp_path / "cache").version == served(path, tmp_path / "cache").version == version


def test_model_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match=r"'resnet'.*efficientnet_lite2"):
        find("resnet", tmp_path)
    with pytest.raises(UnknownModel, match=r"'resnet'.*efficientnet_lite2"):
        configured_specs(["resnet"])
    with pytest.raises(UnknownNetwork, match=r"'resnet'.*efficientnet_lite2"):
        published("resnet", tmp_path)


@pytest.mark.parametrize(
    "former",
    [{"unsure_below": 0.01}, {"network": replace(facts("efficientnet_lite2"), crop=0.875)}],
    ids=["not sure", "crop"],
)
def test_published_network_in_the_cache_whose_facts_have_changed_is_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, former: dict[str, Any]
) -> None:
    now = published_manifest("efficientnet_lite2")
    builds: list[Path] = []

    def build(_: object, name: str, folder: Path, weights: Path | None) -> None:
        builds.append(folder)
        write(folder, replace(now, **former) if len(builds) == 1 else now)

    monkeypatch.setattr("models.catalog.run_in_child", build)
    assert published("efficientnet_lite2", tmp_path).manifest != now
    assert published("efficientnet_lite2", tmp_path).manifest == now
    assert published("efficientnet_lite2", tmp_path).manifest == now
    assert len(builds) == 2


def test_weights_file_for_a_bundle_or_from_nowhere_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "breeds")
    with pytest.raises(UnusableWeights, match="leave"):
        find(str(tmp_path / "breeds"), tmp_path, tmp_path / "w.h5")
    with pytest.raises(UnusableWeights, match=r"w\.h5 cannot be read"):
        find("inception_v3", tmp_path, tmp_path / "w.h5")
    (tmp_path / "w.h5").write_bytes(b"a page that says: not found")
    with pytest.raises(UnusableWeights, match=r"w\.h5 is no \.weights\.h5"):
        find("inception_v3", tmp_path, tmp_path / "w.h5")


def test_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, where a folder should be")
    with pytest.raises(Unwritable, match=r"cache is not a folder.*SIGHTSTREAM_CACHE"):
        published("efficientnet_lite0", tmp_path / "cache")


def test_configured_models_are_served_in_order_under_their_own_names(tmp_path: Path) -> None:
    write(tmp_path / "breeds", replace(PETS, name="dogs"))
    weights = tmp_path / "w.h5"
    weights.write_bytes(b"\x89HDF\r\n\x1a\n")
    assert list(configured_specs(["inception_v3", str(tmp_path / "breeds")], weights).values()) == [
        ModelSpec("inception_v3", "inception_v3", weights),
        ModelSpec("dogs", str(tmp_path / "breeds")),
    ]


def test_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenBundle, match="no bundle"):
        configured_specs([str(tmp_path)])


def test_live_version_of_the_registry_is_found_with_its_gate(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry")
    assert live_spec(registry, "pets") is None
    version = registry.add(write(tmp_path / "b").folder, "pets")
    assert live_spec(registry, "pets") is None
    registry.promote("pets", version, NOT_A_DOG)
    spec = live_spec(registry, "pets")
    assert spec == ModelSpec("pets", str(registry.path("pets", version)), gate=NOT_A_DOG)
    assert find(spec.model, tmp_path / "cache").version == version


@pytest.mark.model
def test_spec_is_loaded_under_its_name_and_behind_its_gate(lite0: Bundle, cache: Path) -> None:
    options = EngineOptions(cache, threads=1)
    plain = load(ModelSpec("net", str(lite0.folder)), options)
    assert (plain.model, plain.version, plain.engine) == ("net", lite0.version, "openvino")
    gated = load(ModelSpec("net", "efficientnet_lite0", gate=NOT_A_DOG), options)
    assert (gated.model, gated.version) == ("net", lite0.version)
    [labels] = gated.classify(np.zeros((1, 224, 224, 3), np.uint8))
    assert labels[0].label == "not a dog"


def test_an_unknown_model_is_named_with_the_nearest_name(tmp_path: Path) -> None:
    Registry(tmp_path / "registry").add(write(tmp_path / "pets").folder, "oxford_pets")
    for model, guess in (("efficientnet_lit2", "efficientnet_lite2"), ("oxford_pest", "oxford_pets")):
        with pytest.raises(UnknownModel, match=f"'{model}' is no bundle folder .*; did you mean {guess}?"):
            find(model, tmp_path, registry=tmp_path / "registry")
        with pytest.raises(UnknownModel, match=f"did you mean {guess}?"):
            configured_specs([model], registry=tmp_path / "registry")
    with pytest.raises(UnknownModel) as error:
        find("zebra", tmp_path)
    assert "did you mean" not in str(error.value)


def test_a_name_in_the_registry_is_no_model_to_load_and_the_error_says_what_is(tmp_path: Path) -> None:
    version = Registry(tmp_path / "registry").add(write(tmp_path / "pets").folder, "oxford_pets")
    with pytest.raises(UnknownModel, match=rf"is in the registry: workers serve .*registry/oxford_pets/{version}$"):
        find("oxford_pets", tmp_path, registry=tmp_path / "registry")
