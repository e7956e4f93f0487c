"""What people type to make a trained model live."""

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from infra.commands.__main__ import main
from models.bundle import WEIGHTS, Bundle, Manifest
from models.networks import NETWORKS, Head, facts

PETS = Manifest("pets", facts("efficientnet_lite1"), Head(2), ("cat", "dog"))


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle.write(tmp_path / "trained", PETS, {"000.logits.kernel": np.zeros((4, 2), np.float32)})


@pytest.fixture(autouse=True)
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIGHTSTREAM_REGISTRY", str(tmp_path / "registry"))
    return tmp_path / "registry"


def run(*arguments: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["models", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output


def listed() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(run("list", "--json"))
    return entries


def test_list_of_an_empty_registry_has_the_published_networks() -> None:
    assert [each["name"] for each in listed()] == list(NETWORKS)
    assert all(each["published"] and not each["live"] for each in listed())
    assert "efficientnet_lite2" in run("list")


def test_added_promoted_rolled_back_and_removed(bundle: Bundle, tmp_path: Path) -> None:
    better = Bundle.write(
        tmp_path / "better", replace(PETS, temperature=2.0), {"000.logits.kernel": np.zeros((4, 2), np.float32)}
    )
    for each in (bundle, better):
        assert json.loads(run("add", each.folder, "--json")) == {"name": "pets", "version": each.version}
    assert [each["live"] for each in listed() if each["name"] == "pets"] == [False, False]
    run("promote", "pets", bundle.version)
    assert f"pets {better.version} is live" in run("promote", "pets")
    assert {each["version"]: each["live"] for each in listed() if each["name"] == "pets"} == {
        bundle.version: False,
        better.version: True,
    }
    assert json.loads(run("rollback", "pets", "--json"))["version"] == bundle.version
    run("remove", "pets", better.version)
    assert [each["version"] for each in listed() if each["name"] == "pets"] == [bundle.version]
    run("remove", "pets")
    assert not any(each["name"] == "pets" for each in listed())


def test_entry_says_what_the_model_is(bundle: Bundle) -> None:
    run("add", bundle.folder, "--name", "house-pets")
    [entry] = [each for each in listed() if each["name"] == "house-pets"]
    assert (entry["network"], entry["input_size"], entry["classes"]) == ("efficientnet_lite1", 240, 2)
    assert bundle.version in run("list")


def test_gate_is_set_with_the_promotion(bundle: Bundle) -> None:
    run("add", bundle.folder)
    gate = ("--gate", "efficientnet_lite0", "--gate-labels", "151-268", "--gate-answer", "not a dog")
    run("promote", "pets", *gate)
    [entry] = [each for each in listed() if each["name"] == "pets"]
    assert entry["gate"] == {"network": "efficientnet_lite0", "labels": "151-268", "answer": "not a dog"}
    assert "not a dog" in run("list")


def test_half_a_gate_and_a_gate_of_nothing_are_refused(bundle: Bundle) -> None:
    run("add", bundle.folder)
    assert "together" in run("promote", "pets", "--gate", "efficientnet_lite0", code=2)
    gate = ("--gate", "efficientnet_lite0", "--gate-labels", "dogs", "--gate-answer", "not a dog")
    assert "class indices" in run("promote", "pets", *gate, code=1)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("promote", "birds"), "there is no trained model 'birds'; there are: pets; `sightstream models add BUNDLE`"),
        (("promote", "birds", "0123"), "there is no trained model 'birds'"),
        (("rollback", "birds"), "there is no trained model 'birds'"),
        (("remove", "birds"), "there is no trained model 'birds'"),
        (("remove", "birds", "0123"), "there is no trained model 'birds'"),
        (("remove", "pest"), "there is no trained model 'pest'; did you mean 'pets'?"),
        (("promote", "efficientnet_lite2"), "efficientnet_lite2 is a published network"),
        (("promote", "pets", "0123"), "pets has no version '0123'; name one that it has: "),
        (("rollback", "pets"), "no version of pets is live"),
        (("promote", "../birds"), "a name has 1 to 64 letters a-z, digits"),
        (("rollback", ""), "'' is no name for a model"),
        (("add", "."), "is no bundle"),
    ],
)
def test_mistakes_are_one_clear_line(bundle: Bundle, arguments: tuple[str, ...], complaint: str) -> None:
    run("add", bundle.folder)
    output = run(*arguments, code=1)
    assert complaint in output
    assert len(output.strip().splitlines()) == 1


def test_an_empty_version_is_neither_the_newest_nor_the_whole_model(bundle: Bundle) -> None:
    run("add", bundle.folder)
    for command in ("promote", "remove"):
        assert "it is empty; name one, or leave it out" in run(command, "pets", "", code=2)
    assert [each["live"] for each in listed() if each["name"] == "pets"] == [False]


def test_each_step_says_what_to_type_next_and_it_can_be_typed(bundle: Bundle, tmp_path: Path) -> None:
    elsewhere = ("--registry", tmp_path / "my models")

    def typed(output: str) -> list[str]:
        words = shlex.split(output.strip().rpartition(": ")[2])
        assert words[:2] == ["sightstream", "models"]
        return words[2:]

    assert typed(run(*elsewhere, "list")) == [*map(str, elsewhere), "add", "BUNDLE"]
    promote = typed(run(*elsewhere, "add", bundle.folder))
    assert f"pets {bundle.version} is live\n" == run(*promote)
    run(*elsewhere, "add", bundle.folder, "--name", "efficientnet_lite0")
    rollback = typed(run(*elsewhere, "promote", "efficientnet_lite0"))
    assert run(*rollback) == "the published network efficientnet_lite0 is served again\n"


def test_damaged_bundle_is_refused_and_a_damaged_version_shown(bundle: Bundle, registry: Path) -> None:
    run("add", bundle.folder)
    for folder in (bundle.folder, registry / "pets" / bundle.version):
        file = folder / WEIGHTS
        file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    assert "is damaged" in run("add", bundle.folder, code=1)
    assert "is damaged" in run("promote", "pets", code=1)
    [entry] = [each for each in listed() if each["name"] == "pets"]
    assert "is damaged" in entry["error"]
