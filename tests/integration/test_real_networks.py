"""The published networks in both engines, on real photographs where sample data is available."""

import subprocess
import sys
from collections.abc import Sequence
from functools import cache as remembered
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.bundle import Bundle, Manifest
from models.catalog import published
from models.classifier import Classifier, warm
from models.engines.base import EngineOptions
from models.engines.registry import ENGINES
from models.images import read_ahead, read_picture
from models.networks import UNSURE_BELOW, Head, View, backbone, facts, tensors_of, with_head
from models.weights import UnusableWeights, WeightsUnavailable, write_published
from tests.fakes.pictures import scene

pytestmark = pytest.mark.model

RUNS = [("openvino", "auto"), ("openvino", "f32"), ("tensorflow", "auto")]  # engine and precision


@remembered
def photographs(data: Path, view: View) -> tuple[list[int], NDArray[np.uint8]]:
    """The class index of each photograph, which begins its file's name, and all of them as a batch."""
    files = sorted((data / "photos").glob("*.jpg"))
    assert files
    return [int(file.name[:3]) for file in files], np.stack([*read_ahead(files, view)])


def top5(probabilities: NDArray[np.float32]) -> list[set[int]]:
    return [set(row) for row in np.argsort(-probabilities, axis=1)[:, :5].tolist()]


def share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits)


def tilted_scenes(size: int) -> NDArray[np.uint8]:
    return np.stack([read_picture(scene().rotate(angle), size) for angle in range(0, 330, 30)])


@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_lite2"])
def test_engines_name_photographs_right_and_alike(name: str, cache: Path, data: Path) -> None:
    """Top-1 for at least 86.5 %; for 97 % the same top-1 from all, and at least four of the top five."""
    bundle = published(name, cache)
    assert (bundle.manifest.network, bundle.manifest.unsure_below) == (facts(name), UNSURE_BELOW[name])
    truth, pictures = photographs(data, bundle.manifest.network.view)
    loaded = [Classifier.load(bundle, EngineOptions(cache, engine, precision)) for engine, precision in RUNS]
    different = {(each.engine, each.precision): each for each in loaded}  # "auto" is f32 too on many a CPU
    answers = [each.probabilities(pictures) for each in different.values()]
    for probabilities in answers:
        assert np.mean(probabilities.argmax(axis=1) == truth) >= 0.865
        assert np.mean(probabilities.argmax(axis=1) == answers[-1].argmax(axis=1)) >= 0.97
        alike = [len(one & other) >= 4 for one, other in zip(top5(probabilities), top5(answers[-1]), strict=True)]
        assert share(alike) >= 0.97


def test_inception_works_with_a_weights_file(cache: Path, data: Path) -> None:
    file = data / "weights" / "inception_v3_partial.weights.h5"
    classifier = Classifier.load(published("inception_v3", cache, file), EngineOptions(cache))
    truth, pictures = photographs(data, classifier.view)
    probabilities = classifier.probabilities(pictures)
    assert np.mean(probabilities.argmax(axis=1) == truth) >= 0.66
    assert share([index in five for index, five in zip(truth, top5(probabilities), strict=True)]) >= 0.88


def test_engines_give_the_same_probabilities_in_the_same_precision(lite0: Bundle, cache: Path) -> None:
    pictures = tilted_scenes(224)
    first, second = (
        Classifier.load(lite0, EngineOptions(cache, engine, "f32")).probabilities(pictures)
        for engine in ("openvino", "tensorflow")
    )
    assert first.sum(axis=1) == pytest.approx(np.ones(len(pictures)), abs=1e-4)
    np.testing.assert_allclose(first, second, atol=1e-3)


@pytest.mark.parametrize("engine", ENGINES)
def test_picture_is_answered_alike_in_every_batch(engine: str, lite0: Bundle, cache: Path) -> None:
    classifier = Classifier.load(lite0, EngineOptions(cache, engine, "f32", threads=2))
    warm(classifier)
    pictures = tilted_scenes(224)
    alone = np.concatenate([classifier.probabilities(picture[None]) for picture in pictures])
    np.testing.assert_allclose(classifier.probabilities(pictures), alone, atol=1e-4)
    np.testing.assert_allclose(classifier.probabilities(pictures[::2]), alone[::2], atol=1e-4)
    np.testing.assert_allclose(classifier.probabilities(pictures[:3]), alone[:3], atol=1e-4)


def test_answers_stay_when_the_next_batch_runs(lite0: Bundle, cache: Path) -> None:
    classifier = Classifier.load(lite0, EngineOptions(cache))
    pictures = tilted_scenes(224)[:2]
    kept = classifier.probabilities(pictures)
    before = kept.copy()
    classifier.probabilities(np.zeros_like(pictures))
    assert (kept == before).all()


def test_cached_bundle_is_served_without_tensorflow(lite0: Bundle, cache: Path) -> None:
    Classifier.load(lite0, EngineOptions(cache))
    code = f"""
import sys
from pathlib import Path
import numpy as np
from models.catalog import ModelSpec, load
from models.engines.base import EngineOptions
cache = Path({str(cache)!r})
classifier = load(ModelSpec("net", "efficientnet_lite0"), EngineOptions(cache))
print(len(classifier.classify(np.zeros((2, 224, 224, 3), np.uint8))))
print(sorted({{"tensorflow", "keras", "h5py"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "2\n[]\n"
    assert done.stderr == ""


def test_published_bundle_is_built_once(lite0: Bundle, cache: Path) -> None:
    written = (lite0.folder / "bundle.json").stat().st_mtime_ns
    assert published("efficientnet_lite0", cache) == lite0
    assert (lite0.folder / "bundle.json").stat().st_mtime_ns == written


def test_damaged_cache_is_built_again(lite0: Bundle, cache: Path) -> None:
    before = Classifier.load(lite0, EngineOptions(cache)).probabilities(tilted_scenes(224))
    converted = next((cache / "engines" / lite0.version).rglob("model.bin"))
    for file in (converted, lite0.folder / "model.safetensors"):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    again = published("efficientnet_lite0", cache)
    assert again.version == lite0.version
    after = Classifier.load(again, EngineOptions(cache)).probabilities(tilted_scenes(224))
    assert (after == before).all()


def test_trained_bundle_is_served_by_both_engines(cache: Path, tmp_path: Path) -> None:
    """From its manifest alone: other classes, a deeper head, a temperature."""
    network, head = facts("efficientnet_lite0"), Head(3, hidden=(16, 8), dropout=0.5)
    labels = ("001.Affenpinscher", "002.Afghan_hound", "003.Airedale_terrier")
    weights = tensors_of(with_head(backbone(network), head))
    plain = Bundle.write(tmp_path / "plain", Manifest("breeds", network, head, labels), weights)
    soft = Bundle.write(tmp_path / "soft", Manifest("breeds", network, head, labels, temperature=1e6), weights)
    pictures = tilted_scenes(224)[:2]
    logits = plain.build()(pictures.astype(np.float32)).numpy()
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for engine in ENGINES:
        classifier = Classifier.load(Bundle.open(plain.folder), EngineOptions(cache, engine, "f32"))
        np.testing.assert_allclose(classifier.probabilities(pictures), expected, atol=1e-4)
        assert {label.label for label in classifier.classify(pictures)[0]} == set(labels)
    even = Classifier.load(soft, EngineOptions(cache, "tensorflow")).probabilities(pictures)
    np.testing.assert_allclose(even, 1 / 3, atol=1e-3)


def test_weights_that_cannot_be_downloaded_are_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")  # no server listens there
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(WeightsUnavailable) as failure:
        published("inception_v3", tmp_path / "cache")
    for needed in ("fetch", "https://", str(tmp_path / "keras" / "models"), "--weights"):
        assert needed in str(failure.value)


def test_file_that_holds_no_weights_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.weights.h5"
    file.write_bytes(b"\x89HDF\r\n\x1a\n but then something else")
    with pytest.raises(UnusableWeights, match=r"mine\.weights\.h5 cannot be loaded into inception_v3"):
        write_published("inception_v3", tmp_path / "inception", file)
