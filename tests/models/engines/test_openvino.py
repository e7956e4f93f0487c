from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.bundle import Bundle
from models.engines.base import Engine, EngineOptions
from models.engines.openvino import OpenVINOEngine, converted, write_graph
from models.images import read_picture
from models.storage import Unwritable
from tests.fakes.disks import largest_file, small_disk
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


def test_conversion_that_fills_the_disk_is_named_and_leaves_nothing(lite0: Bundle, tmp_path: Path) -> None:
    with largest_file(1_000_000), pytest.raises(Unwritable, match=r"make room there.*SIGHTSTREAM_CACHE"):
        converted(lite0, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_network_of_which_the_disk_takes_only_a_part_is_not_taken_for_whole(lite0: Bundle, tmp_path: Path) -> None:
    """OpenVINO gives no OSError when the disk is full: the message comes from the file that is not whole."""
    with small_disk(tmp_path / "disk", "size=25m") as disk:  # TensorFlow's graph fits, the network not beside it
        with pytest.raises(Unwritable, match="not written completely"):
            write_graph(lite0.folder, disk / "engines" / "one")
        assert list(disk.iterdir()) == []
        with pytest.raises(Unwritable, match=r"26\.2 MB are free, 37\.\d MB are needed"):
            converted(lite0, disk)
