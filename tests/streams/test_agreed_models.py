"""What a worker serves that joins a pool, and what one serves that is alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.bundle import Bundle, Manifest
from models.catalog import ModelSpec
from models.networks import Head, facts
from models.registry import Registry
from streams.agreed_models import agreed_model, choose, missing, specs_of, with_change
from streams.contract.messages import AgreedModel, Agreement
from tests.fakes.classifiers import Slow

LITE0, LITE2 = "efficientnet_lite0", "efficientnet_lite2"
OWN = {LITE2: ModelSpec(LITE2, LITE2)}
PETS = Manifest("pets", facts(LITE0), Head(2), ("cat", "dog"))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry")


def promoted(registry: Registry, name: str, temperature: float = 1.0) -> str:
    folder = registry.folder.parent / f"trained-{temperature}"
    Bundle.write(folder, replace(PETS, temperature=temperature), {"000.logits.kernel": np.zeros((4, 2), np.float32)})
    version = registry.add(folder, name)
    registry.promote(name, version)
    return version


def agreed(*models: AgreedModel, configured: tuple[str, ...] = (LITE0,)) -> Agreement:
    return Agreement([*models], [*configured], "another worker")


def test_the_first_worker_serves_its_settings_and_what_is_live(registry: Registry) -> None:
    promoted(registry, "pets")
    choice = choose(None, OWN, (LITE2,), registry, alone=True)
    assert choice.specs == {**OWN, "pets": None}
    assert choice.agreed is None


def test_a_worker_that_joins_serves_what_is_agreed_whatever_its_settings_say(registry: Registry) -> None:
    promoted(registry, "pets")
    there = agreed(AgreedModel(LITE0, LITE0, "1"))
    choice = choose(there, OWN, (LITE2,), registry, alone=False)
    assert choice.specs == {LITE0: ModelSpec(LITE0, LITE0)}
    assert (choice.agreed, choice.missing, choice.unused) == (there, (), (LITE2, "pets"))


def test_new_settings_hold_once_no_worker_with_the_old_ones_lives(registry: Registry) -> None:
    there = agreed(AgreedModel(LITE0, LITE0, "1"))
    assert choose(there, OWN, (LITE2,), registry, alone=True).specs == OWN


def test_a_lone_worker_with_the_same_settings_keeps_what_was_agreed_since(registry: Registry) -> None:
    there = agreed(AgreedModel(LITE0, LITE0), AgreedModel(LITE2, LITE2), configured=(LITE2,))
    choice = choose(there, OWN, (LITE2,), registry, alone=True)
    assert (list(choice.specs), choice.agreed) == ([LITE0, LITE2], there)


def test_a_list_that_was_served_before_any_worker_started_holds_for_the_first(registry: Registry) -> None:
    there = agreed(AgreedModel(LITE0, LITE0), configured=())
    assert list(choose(there, {}, (LITE2,), registry, alone=True).specs) == [LITE0]


def test_a_lone_worker_does_not_wait_for_a_model_that_it_lacks(registry: Registry) -> None:
    there = agreed(AgreedModel("pets", "", "1"), configured=(LITE2,))
    choice = choose(there, OWN, (LITE2,), registry, alone=True)
    assert choice.agreed is None
    assert choice.missing == ()


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (AgreedModel("pets", "", "1"), "has no live version of pets"),
        (AgreedModel("cups", "/no/such/folder", "1"), "/no/such/folder"),
    ],
)
def test_what_a_worker_lacks_is_said(registry: Registry, model: AgreedModel, why: str) -> None:
    there = agreed(model)
    [said] = missing(there, specs_of(there, {}), registry)
    assert why in said
    assert choose(there, {}, (LITE0,), registry, alone=False).missing == (said,)


def test_a_registry_that_is_behind_lacks_the_version_and_one_that_is_ahead_does_not(registry: Registry) -> None:
    first = promoted(registry, "pets", 1.0)
    there = agreed(AgreedModel("pets", "", "not here yet"))
    [said] = missing(there, specs_of(there, {}), registry)
    assert f"pets not here yet, which is {first} in the registry" in said
    promoted(registry, "pets", 2.0)
    there = agreed(AgreedModel("pets", "", first))
    assert not [*missing(there, specs_of(there, {}), registry)]


def test_a_change_adds_replaces_or_removes_one_model() -> None:
    there = agreed(AgreedModel("a", "a", "1"), AgreedModel("b", "", "1"))
    assert [each.version for each in with_change(there, "a", AgreedModel("a", "a", "2"), "w").models] == ["2", "1"]
    assert [each.name for each in with_change(there, "c", AgreedModel("c"), "w").models] == ["a", "b", "c"]
    assert [each.name for each in with_change(there, "b", None, "w").models] == ["a"]


def test_a_folder_is_agreed_on_by_its_whole_path() -> None:
    model = agreed_model("cups", Slow(), {"cups": ModelSpec("cups", "trained/cups")})
    assert model == AgreedModel("cups", str(Path("trained/cups").absolute()), "1")
