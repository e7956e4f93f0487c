"""How an engine alone is measured, with a classifier that takes a known time."""

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from infra.loadtest.engine_only import batch_one_ms, frames_per_second
from models.classifier import Label
from models.engines.base import OnRoom
from tests.fakes.classifiers import Slow

BATCH = 4


class Sleeping(Slow):
    """Takes 20 ms for a batch, and says after 5 ms that another may start."""

    def classify(
        self, batch: NDArray[np.uint8], *, on_room: OnRoom = lambda: None, one_core: bool = False
    ) -> list[list[Label]]:
        time.sleep(0.005)
        on_room()
        time.sleep(0.015)
        return super().classify(batch)


class Failing(Slow):
    def classify(
        self, batch: NDArray[np.uint8], *, on_room: OnRoom = lambda: None, one_core: bool = False
    ) -> list[list[Label]]:
        raise RuntimeError("the engine is broken")


def test_throughput_counts_the_pictures_of_full_batches_that_overlap() -> None:
    classifier = Sleeping()
    fps = frames_per_second(classifier, 0.3, BATCH)
    assert set(classifier.batches) == {BATCH}
    assert fps <= 2 * BATCH / 0.02  # at most two batches run at once


def test_latency_is_that_of_one_picture() -> None:
    classifier = Sleeping()
    assert batch_one_ms(classifier, 0.15) >= 20.0
    assert set(classifier.batches) == {1}


def test_engine_that_fails_has_no_speed() -> None:
    with pytest.raises(RuntimeError, match="broken"):
        frames_per_second(Failing(), 0.01, BATCH)
