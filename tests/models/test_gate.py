from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.abstain import NOT_ONE
from models.bundle import Bundle, Manifest
from models.classifier import Classifier, warm
from models.engines.base import EngineOptions, OnRoom, ignore_room
from models.gate import BadGate, Gate, Gated, covering, ranges, read_labels, recut
from models.images import read_picture
from models.networks import Head, Network, View
from models.weights import imagenet_labels
from tests import SAMPLES
from tests.fakes.pictures import scene
from tests.models.test_classifier import ColourEngine

NOT_A_DOG = Gate("efficientnet_lite0", tuple(range(151, 269)), "not a dog")


class Outer:
    """A network of 1000 classes whose probability for dogs is how red the picture is."""

    name, precision, buckets = "eyes", "f32", (1, 2, 4)

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def run(
        self, batch: NDArray[np.uint8], on_room: OnRoom = ignore_room, *, one_core: bool = False
    ) -> NDArray[np.float32]:
        self.shapes.append(batch.shape)
        red = batch[..., 0].mean(axis=(1, 2)) / 255
        out = np.zeros((len(batch), 1000), np.float32)
        out[:, 151:269] = red[:, None] / 118
        out[:, 0] = 1 - red
        return out

    def close(self) -> None:
        self.shapes.clear()


def classifier(
    engine: ColourEngine | Outer,
    classes: tuple[str, ...],
    size: int,
    name: str,
    abstain_below: float | None = None,
    crop: float = 1.0,
) -> Classifier:
    network = Network("efficientnet_lite0", size, 127, 128, crop)
    manifest = Manifest(name, network, Head(len(classes)), classes, abstain_below=abstain_below)
    return Classifier(Bundle(Path("nowhere"), manifest, weights_sha256="0"), engine)


@pytest.fixture
def inner() -> ColourEngine:
    return ColourEngine()


@pytest.fixture
def outer() -> Outer:
    return Outer()


def gated(
    inner: ColourEngine,
    outer: Outer,
    sizes: tuple[int, int] = (4, 8),
    abstain_below: float | None = None,
    crops: tuple[float, float] = (1.0, 1.0),
) -> Gated:
    breeds = classifier(inner, ("setter", "hulk", "smurf"), sizes[0], "dogs", abstain_below, crops[0])
    return Gated(breeds, classifier(outer, imagenet_labels(), sizes[1], "gate", crop=crops[1]), NOT_A_DOG)


def painted(*colours: tuple[int, int, int], size: int = 8) -> NDArray[np.uint8]:
    return np.stack([np.full((size, size, 3), colour, np.uint8) for colour in colours])


def test_what_the_gate_turns_away_has_one_label_and_the_rest_is_the_models(inner: ColourEngine, outer: Outer) -> None:
    first, second, third = gated(inner, outer).classify(painted((204, 51, 0), (51, 200, 0), (255, 0, 0)), top=2)
    assert [(each.index, each.label) for each in first] == [(0, "setter"), (1, "hulk")]
    assert [(each.index, each.label) for each in second] == [(NOT_ONE, "not a dog")]
    assert second[0].probability == pytest.approx(0.8, abs=1e-4)
    assert third[0].label == "setter"
    assert inner.ran == [2]  # the model runs for what is let in, and for nothing else


@pytest.mark.parametrize("abstain_below", [None, 0.6])
@pytest.mark.parametrize("red", [128, 140, 160, 200, 255])
def test_answer_of_the_gate_is_on_the_same_scale_as_the_labels(
    inner: ColourEngine, outer: Outer, red: int, abstain_below: float | None
) -> None:
    both = gated(inner, outer, abstain_below=abstain_below)
    ranked = both.classify(painted((red, 100, 90)), top=5)[0]
    shares = [each.probability for each in ranked]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)
    assert ranked[0].label == both.inner.classify(painted((red, 100, 90), size=4))[0][0].label
    assert "not a dog" in [each.label for each in ranked]


def test_model_does_not_run_when_nothing_is_let_in(inner: ColourEngine, outer: Outer) -> None:
    assert [each[0].label for each in gated(inner, outer).classify(painted((0, 0, 9), (0, 9, 0)))] == [
        "not a dog"
    ] * 2
    assert inner.ran == []


@pytest.mark.parametrize(("red", "label"), [(127, "not a dog"), (128, "setter")])
def test_half_of_the_probability_lets_in(inner: ColourEngine, outer: Outer, red: int, label: str) -> None:
    assert gated(inner, outer).classify(painted((red, 0, 0)))[0][0].label == label


@pytest.mark.parametrize("sizes", [(4, 8), (8, 4), (8, 8)])
def test_each_network_gets_pictures_of_its_size(inner: ColourEngine, outer: Outer, sizes: tuple[int, int]) -> None:
    both = gated(inner, outer, sizes)
    assert both.view == View(8, 1.0)
    assert both.classify(painted((255, 0, 0)))[0][0].label == "setter"
    assert outer.shapes == [(1, sizes[1], sizes[1], 3)]


def test_it_is_called_as_the_model_behind_the_gate(inner: ColourEngine, outer: Outer) -> None:
    both = gated(inner, outer)
    assert (both.model, both.version) == ("dogs", both.inner.version)


def test_both_are_warmed_and_closed(inner: ColourEngine, outer: Outer) -> None:
    both = gated(inner, outer)
    warm(both, 2)
    assert inner.ran == [1, 2]
    assert [shape[0] for shape in outer.shapes] == [1, 2]
    both.close()
    assert (inner.ran, outer.shapes) == ([], [])


@pytest.mark.parametrize(
    ("views", "all_of_them"),
    [
        ([View(260, 260 / 292), View(224, 224 / 256)], View(260, 260 / 292)),
        ([View(260, 224 / 256), View(260, 260 / 292)], View(265, 260 / 292)),
        ([View(8, 0.5), View(8, 1.0)], View(16, 1.0)),
    ],
)
def test_gated_model_gets_what_both_networks_see_and_no_fewer_pixels(views: list[View], all_of_them: View) -> None:
    assert covering(*views) == covering(*reversed(views)) == all_of_them


@pytest.mark.parametrize("crops", [(0.5, 1.0), (1.0, 0.5), (0.75, 0.75)])
def test_each_network_sees_what_it_would_see_alone(
    inner: ColourEngine, outer: Outer, crops: tuple[float, float]
) -> None:
    both = gated(inner, outer, (32, 64), crops=crops)
    picture = scene().resize((500, 400))
    frame = read_picture(picture, both.view.size, both.view.crop)[None]
    for network in (both.inner, both.outer):
        alone = read_picture(picture, network.view.size, network.view.crop)
        assert np.abs(recut(frame, both.view, network.view)[0].astype(int) - alone).mean() < 3


def test_cutting_and_resizing_keep_what_is_seen() -> None:
    halves = np.zeros((1, 8, 8, 3), np.uint8)
    halves[:, :, 4:] = 255
    small = recut(halves, View(8, 0.8), View(4, 0.8))
    assert small.shape == (1, 4, 4, 3)
    assert small[0, :, 0].max() < 30
    assert small[0, :, 3].min() > 225


@pytest.mark.parametrize(
    ("text", "indices"),
    [("151-153", (151, 152, 153)), ("7", (7,)), ("9,1-2, 9", (1, 2, 9))],
)
def test_labels_are_read_as_they_are_written(text: str, indices: tuple[int, ...]) -> None:
    assert read_labels(text) == indices
    assert read_labels(ranges(indices)) == indices


def test_labels_are_read_from_a_file_by_index_or_name(tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    file.write_text("0\n\ntabby\nEgyptian cat\nGolden_Retriever\n")
    assert [imagenet_labels()[index] for index in read_labels(str(file))][1:] == [
        "golden retriever",
        "tabby",
        "Egyptian cat",
    ]


def mistakes(tmp_path: Path) -> Iterator[str]:
    file = tmp_path / "labels.txt"
    file.write_text("unicorn\n")
    yield from ("", "dogs", "9-1", "1-999999999", "-1", str(file))


def test_labels_that_are_none_are_refused(tmp_path: Path) -> None:
    for text in mistakes(tmp_path):
        with pytest.raises(BadGate, match="class indices"):
            read_labels(text)


@pytest.mark.parametrize(
    ("network", "labels", "answer", "complaint"),
    [
        ("resnet", (1,), "no", "efficientnet_lite0"),
        ("efficientnet_lite0", (), "no", "0 to 999"),
        ("efficientnet_lite0", (1000,), "no", "0 to 999"),
        ("efficientnet_lite0", (1,), " ", "needs an answer"),
        ("efficientnet_lite0", (1,), "not\na dog", "needs an answer"),
        ("efficientnet_lite0", (1,), "\ud800", "needs an answer"),
    ],
)
def test_gate_that_cannot_be_is_refused(network: str, labels: tuple[int, ...], answer: str, complaint: str) -> None:
    with pytest.raises(BadGate, match=complaint):
        Gate(network, labels, answer)


def test_gate_comes_back_from_json() -> None:
    assert Gate.of(NOT_A_DOG.plain()) == NOT_A_DOG


@pytest.mark.model
def test_a_cat_and_a_coffee_are_not_a_dog_to_the_real_network(lite0: Bundle, cache: Path) -> None:
    pictures = np.stack([read_picture(SAMPLES / f"{name}.jpg", 224) for name in ("cat", "coffee")])
    classifier = Classifier.load(lite0, EngineOptions(cache))
    both = Gated(classifier, classifier, NOT_A_DOG)
    assert [labels[0].label for labels in both.classify(pictures)] == ["not a dog", "not a dog"]
