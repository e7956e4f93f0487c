from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.bundle import Bundle
from models.engines.base import Engine, EngineOptions
from models.engines.openvino import OpenVINOEngine, converted
from models.images import read_picture
from tests.fakes.pictures import scene

pytestmark = pytest.mark.model


def test_picture_that_takes_one_core_leaves_room_and_is_answered_alike(lite0: Bundle, cache: Path) -> None:
    engine: Engine = OpenVINOEngine(lite0, EngineOptions(cache, precision="f32", threads=2))
    one, other = (read_picture(scene().rotate(angle), 224)[None] for angle in (0, 30))
    expected = engine.run(other)
    beside: list[NDArray[np.float32]] = []

    def run_beside() -> None:
        with ThreadPoolExecutor(1) as second:
            beside.append(second.submit(engine.run, other).result())

    alone = engine.run(one)
    np.testing.assert_allclose(engine.run(one, on_room=run_beside, one_core=True), alone, atol=1e-4)
    np.testing.assert_allclose(beside, [expected], atol=1e-4)
    np.testing.assert_allclose(engine.run(other), expected, atol=1e-4)


def test_network_is_converted_once_and_again_when_its_file_is_damaged(lite0: Bundle, cache: Path) -> None:
    file = converted(lite0, cache)
    before, written = file.read_bytes(), file.stat().st_mtime_ns
    assert converted(lite0, cache) == file
    assert file.stat().st_mtime_ns == written
    file.write_bytes(before[:-1])
    assert converted(lite0, cache).stat().st_size == len(before)
