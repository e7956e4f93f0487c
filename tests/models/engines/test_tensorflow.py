from pathlib import Path

import numpy as np
import pytest

from models.bundle import Bundle
from models.engines.base import Engine, EngineOptions
from models.engines.tensorflow import TensorFlowEngine
from models.images import read_picture
from tests.fakes.pictures import scene

pytestmark = pytest.mark.model


def test_padded_pictures_are_not_answered(lite0: Bundle, cache: Path) -> None:
    engine: Engine = TensorFlowEngine(lite0, EngineOptions(cache, "tensorflow", threads=1))
    pictures = np.stack([read_picture(scene().rotate(angle), 224) for angle in (0, 30, 60)])
    answers = engine.run(pictures)
    assert answers.shape == (3, 1000)
    np.testing.assert_allclose(answers[2:], engine.run(pictures[2:]), atol=1e-4)
