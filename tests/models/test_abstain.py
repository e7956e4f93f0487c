"""A model says "none of these" when it is not sure enough, and only then."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.abstain import NONE_OF_THESE, NOT_ONE, judge
from models.bundle import Bundle
from models.classifier import Classifier
from tests.models.test_classifier import COLOURS, ColourEngine, painted


def test_without_background_it_is_as_sure_as_of_the_likeliest_class() -> None:
    judged = judge(np.array([[0.7, 0.3], [0.45, 0.55]], np.float32), 2, 0.6)
    assert judged.sure == pytest.approx([0.7, 0.55])
    assert judged.abstained.tolist() == [False, True]


def test_with_background_it_is_as_sure_as_of_all_classes_together() -> None:
    judged = judge(np.array([[0.3, 0.3, 0.4], [0.05, 0.15, 0.8]], np.float32), 2, 0.5)
    assert judged.sure == pytest.approx([0.6, 0.2])
    assert judged.abstained.tolist() == [False, True]
    np.testing.assert_allclose(judged.probabilities, [[0.5, 0.5], [0.25, 0.75]], rtol=1e-5)


def test_model_without_a_threshold_never_abstains() -> None:
    assert not judge(np.array([[0.001, 0.999]], np.float32), 1, None).abstained.any()


def test_a_picture_that_is_all_background_still_has_probabilities() -> None:
    assert np.isfinite(judge(np.array([[0, 0, 1]], np.float32), 2, 0.5).probabilities).all()


def test_the_answer_names_none_of_these_before_the_classes() -> None:
    manifest = replace(COLOURS, abstain_below=0.55)
    classifier = Classifier(Bundle(Path("nowhere"), manifest, weights_sha256="0"), ColourEngine())
    sure, unsure = classifier.classify(painted((60, 30, 10), (10, 40, 50)), top=3)
    assert [each.label for each in sure] == ["red", "green", "blue"]
    assert [each.label for each in unsure] == [NONE_OF_THESE, "blue", "green"]
    assert unsure[0].index == NOT_ONE
    assert unsure[0].probability == pytest.approx(0.5)


def test_background_is_never_an_answer() -> None:
    manifest = replace(COLOURS, head=replace(COLOURS.head, classes=2, background=1), labels=("red", "green"))
    classifier = Classifier(Bundle(Path("nowhere"), manifest, weights_sha256="0"), ColourEngine())
    assert [[each.label for each in ranked] for ranked in classifier.classify(painted((30, 20, 200)))] == [
        ["red", "green"]
    ]
