"""Training writes a complete bundle that can be served, and the same one every time."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from models.abstain import NONE_OF_THESE
from models.bundle import MANIFEST, WEIGHTS, BrokenBundle, Bundle
from models.classifier import Classifier
from models.engines.base import EngineOptions
from models.images import read_ahead
from models.networks import View, facts
from tests import SAMPLES
from training import classic
from training.recipes import Recipe
from training.runs import shapes
from training.scores import score
from training.train import TrainingResult, write_training_report

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    return shapes.run(tmp_path_factory.mktemp("shapes"))


def test_it_names_pictures_it_was_not_trained_on(trained: TrainingResult) -> None:
    assert score(trained.answers["test"]).top1 >= 0.9
    assert trained.dataset.classes == ("ring", "stripes", "chequers")


@pytest.mark.parametrize("engine", ["openvino", "tensorflow"])
def test_both_engines_serve_it_as_it_was_scored(trained: TrainingResult, engine: str, cache: Path) -> None:
    classifier = Classifier.load(Bundle.open(trained.bundle.folder), EngineOptions(cache, engine, "f32"))
    test = trained.answers["test"]
    batch = np.stack([*read_ahead(map(Path, test.files), classifier.view)])
    served = classifier.judge(batch)
    np.testing.assert_allclose(served.probabilities, test.probabilities, atol=0.05)
    assert (served.abstained == test.abstained).mean() >= 0.9
    classifier.close()


def test_a_picture_of_none_of_the_classes_is_none_of_these(trained: TrainingResult, cache: Path) -> None:
    classifier = Classifier.load(trained.bundle, EngineOptions(cache))
    batch = np.stack([*read_ahead(sorted(SAMPLES.glob("*.jpg")), classifier.view)])
    answers = [ranked[0].label for ranked in classifier.classify(batch)]
    assert answers.count(NONE_OF_THESE) >= len(answers) - 1
    classifier.close()


def test_the_manifest_records_the_training(trained: TrainingResult) -> None:
    manifest = Bundle.open(trained.bundle.folder).manifest
    assert manifest.network.view == View(shapes.SIDE, facts("efficientnet_lite0").crop)
    assert manifest.unsure_below == trained.calibration.unsure_below
    about = manifest.about
    assert about["recipe"]["name"] == "best"
    assert about["data"]["fingerprint"] == trained.dataset.fingerprint
    assert about["scores"]["test"]["n"] == len(trained.answers["test"].files)
    assert {"keras", "openvino", "python"} <= about["versions"].keys()


def test_the_manifest_and_the_report_say_what_the_threshold_was_measured_on(
    trained: TrainingResult, tmp_path: Path
) -> None:
    about = Bundle.open(trained.bundle.folder).manifest.about["calibration"]
    assert about["pictures"] == len(trained.answers["train"].files) + len(trained.answers["valid"].files)
    assert 0 < about["by_cross_validation"] < about["pictures"]
    assert write_training_report(trained, tmp_path / "report.html")
    assert f"was measured on {about['pictures']} pictures" in (tmp_path / "report.html").read_text()


def test_the_same_seed_gives_the_same_bundle(trained: TrainingResult, tmp_path: Path) -> None:
    assert shapes.run(tmp_path).bundle.version == trained.bundle.version


def test_a_flipped_byte_is_refused_by_name(tmp_path: Path) -> None:
    folder = shapes.run(tmp_path).bundle.folder
    weights = bytearray((folder / WEIGHTS).read_bytes())
    weights[len(weights) // 2] ^= 1
    (folder / WEIGHTS).write_bytes(weights)
    with pytest.raises(BrokenBundle, match=rf"{folder}: {WEIGHTS} is damaged"):
        Bundle.open(folder)


@pytest.mark.parametrize("after_s", [0.3, 3.0, 5.0, 7.0])
def test_killed_at_any_moment_it_leaves_a_whole_bundle_or_none(tmp_path: Path, after_s: float) -> None:
    child = subprocess.Popen([sys.executable, "-m", "training.runs.shapes", str(tmp_path)], env=os.environ)
    time.sleep(after_s)
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    bundle = tmp_path / "bundle"
    if bundle.exists():
        assert Bundle.open(bundle).name == "shapes"
    trained = shapes.run(tmp_path)
    assert Bundle.open(bundle).version == trained.bundle.version
    assert {path.name for path in bundle.iterdir()} == {MANIFEST, WEIGHTS}


def test_a_classic_bundle_answers_as_its_head_did(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classic, "RECIPE", Recipe(partial(classic.fit, epochs=4)))
    trained = shapes.run(tmp_path, recipe="classic")
    classifier = Classifier.load(trained.bundle, EngineOptions(cache, precision="f32"))
    test = trained.answers["test"]
    batch = np.stack([*read_ahead(map(Path, test.files), classifier.view)])
    np.testing.assert_allclose(classifier.probabilities(batch), test.probabilities, atol=0.05)
    classifier.close()
