"""A model says "none of these" when it is not sure enough, and only then."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.abstain import NONE_OF_THESE, NOT_ONE, SureOf, judge
from models.bundle import Bundle, Manifest
from models.classifier import Classifier, Label
from models.networks import Head
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


def answers(manifest: Manifest, *pictures: tuple[int, int, int], top: int = 4) -> list[list[Label]]:
    classifier = Classifier(Bundle(Path("nowhere"), manifest, weights_sha256="0"), ColourEngine())
    return classifier.classify(painted(*pictures), top=top)


def test_none_of_these_is_first_where_the_model_abstains_and_behind_the_likeliest_class_elsewhere() -> None:
    sure, unsure = answers(replace(COLOURS, abstain_below=0.55), (60, 30, 10), (10, 40, 50))
    assert sure[0].label == "red"
    assert NONE_OF_THESE in [each.label for each in sure]
    assert [each.label for each in unsure] == [NONE_OF_THESE, "blue", "green", "red"]
    assert unsure[0].index == NOT_ONE


def test_with_a_threshold_of_one_half_and_a_clear_class_none_of_these_has_the_rest() -> None:
    judged = judge(np.array([[0.9, 0, 0.1], [0, 0.02, 0.98]], np.float32), 2, 0.5)
    assert judged.none == pytest.approx([0.1, 0.98], abs=1e-6)
    assert judged.named == pytest.approx([0.9, 0.02], abs=1e-6)


def test_at_the_threshold_none_of_these_is_as_likely_as_the_likeliest_class() -> None:
    judged = judge(np.array([[0.5, 0.2, 0.3]], np.float32), 2, 0.7)
    assert judged.none[0] == pytest.approx(judged.named[0] * judged.probabilities[0, 0], rel=1e-5)


def test_a_model_can_be_as_sure_as_of_its_likeliest_class_beside_background() -> None:
    judged = judge(np.array([[0.3, 0.3, 0.4], [0.5, 0.1, 0.4]], np.float32), 2, 0.45, "likeliest")
    assert judged.sure == pytest.approx([0.3, 0.5])
    assert judged.abstained.tolist() == [True, False]


def test_model_that_cannot_abstain_lists_its_own_probabilities() -> None:
    first = answers(COLOURS, (60, 30, 10), top=5)[0]
    assert [each.label for each in first] == ["red", "green", "blue"]
    assert [each.probability for each in first] == pytest.approx([0.6, 0.3, 0.1])


@given(
    light=st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=4),
    background=st.booleans(),
    sure_of=st.sampled_from(get_args(SureOf)),
    threshold=st.none() | st.floats(0, 1),
    top=st.integers(1, 4),
)
def test_any_list_is_in_order_and_adds_up_to_at_most_one_and_begins_with_the_answer(
    light: list[tuple[int, int, int]], background: bool, sure_of: SureOf, threshold: float | None, top: int
) -> None:
    labels = COLOURS.labels[:2] if background else COLOURS.labels
    head = Head(len(labels), background=3 - len(labels))
    manifest = replace(COLOURS, head=head, labels=labels, abstain_below=threshold, sure_of=sure_of)
    rows = ColourEngine().run(painted(*light))
    judged = judge(rows, len(labels), threshold, sure_of)
    for ranked, abstained, likeliest in zip(
        answers(manifest, *light, top=top), judged.abstained, judged.probabilities.argmax(axis=1), strict=True
    ):
        shares = [each.probability for each in ranked]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) <= 1 + 1e-6
        assert ranked[0].index == (NOT_ONE if abstained else likeliest)
        assert len(ranked) == min(top, len(labels) + (threshold is not None))


def test_background_is_never_an_answer() -> None:
    manifest = replace(COLOURS, head=replace(COLOURS.head, classes=2, background=1), labels=("red", "green"))
    classifier = Classifier(Bundle(Path("nowhere"), manifest, weights_sha256="0"), ColourEngine())
    assert [[each.label for each in ranked] for ranked in classifier.classify(painted((30, 20, 200)))] == [
        ["red", "green"]
    ]
