from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.bundle import Bundle, Manifest
from models.classifier import Classifier, Label, warm
from models.engines.base import OnRoom, ignore_room
from models.networks import Head, Network

COLOURS = Manifest("colours", Network("efficientnet_lite0", 4, 127, 128), Head(3), ("red", "green", "blue"))


class ColourEngine:
    """Says how much of a picture is red, green and blue."""

    name = "eyes"
    precision = "f32"
    buckets = (1, 2, 4)

    def __init__(self) -> None:
        self.ran: list[int] = []

    def run(
        self, batch: NDArray[np.uint8], on_room: OnRoom = ignore_room, *, one_core: bool = False
    ) -> NDArray[np.float32]:
        self.ran.append(len(batch))
        light = batch.astype(np.float32).sum(axis=(1, 2))
        shares: NDArray[np.float32] = light / np.maximum(light.sum(axis=1, keepdims=True), 1)
        return shares

    def close(self) -> None:
        self.ran.clear()


@pytest.fixture
def engine() -> ColourEngine:
    return ColourEngine()


@pytest.fixture
def classifier(engine: ColourEngine) -> Classifier:
    return Classifier(Bundle(Path("nowhere"), COLOURS, weights_sha256="0"), engine)


def painted(*colours: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.stack([np.full((4, 4, 3), colour, np.uint8) for colour in colours])


def test_labels_are_ranked_for_each_picture(classifier: Classifier) -> None:
    first, second = classifier.classify(painted((60, 30, 10), (0, 20, 80)))
    assert [(label.index, label.label) for label in first] == [(0, "red"), (1, "green"), (2, "blue")]
    assert [label.probability for label in first] == pytest.approx([0.6, 0.3, 0.1])
    assert [label.label for label in second] == ["blue", "green", "red"]


def test_only_the_top_is_given(classifier: Classifier) -> None:
    assert classifier.classify(painted((1, 2, 3)), top=1) == [[Label(2, "blue", 0.5)]]


def test_ties_are_ranked_by_index(classifier: Classifier) -> None:
    assert [label.index for label in classifier.classify(painted((9, 9, 9)))[0]] == [0, 1, 2]


def test_batch_beyond_the_largest_bucket_is_split(classifier: Classifier, engine: ColourEngine) -> None:
    shades = [(shade, 100, 0) for shade in range(0, 180, 18)]
    together = classifier.classify(painted(*shades))
    assert engine.ran == [4, 4, 2]
    assert together == [classifier.classify(painted(shade))[0] for shade in shades]


def test_no_pictures_have_no_labels(classifier: Classifier) -> None:
    assert classifier.classify(np.empty((0, 4, 4, 3), np.uint8)) == []


@pytest.mark.parametrize(
    "wrong", [np.zeros((1, 5, 5, 3), np.uint8), np.zeros((4, 4, 3), np.uint8), np.zeros((1, 4, 4, 3))]
)
def test_batch_of_another_shape_or_type_is_refused(classifier: Classifier, wrong: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match=r"a batch of colours is \(n, 4, 4, 3\) uint8"):
        classifier.classify(wrong)


@pytest.mark.parametrize(("most", "ran"), [(1, [1]), (3, [1, 2, 4]), (64, [1, 2, 4])])
def test_warming_runs_each_size_that_can_be_needed(
    classifier: Classifier, engine: ColourEngine, most: int, ran: list[int]
) -> None:
    warm(classifier, most)
    assert engine.ran == ran
