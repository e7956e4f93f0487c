"""Features are taken once for each content, survive any end, and are never wrong."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.training.pictures import fill
from training.dataset import Picture, read_dataset
from training.features import Extractor, Store, View, extract, stacked

WIDTH = 3


class MeanColour:
    """An extractor whose features are the mean of each channel; it counts the pictures it saw."""

    key = "mean"
    width = WIDTH
    view = View(8)

    def __init__(self, stop_after: int | None = None) -> None:
        self.seen = 0
        self.stop_after = stop_after

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self.stop_after is not None and self.seen >= self.stop_after:
            raise KeyboardInterrupt
        self.seen += len(pixels)
        means: NDArray[np.float32] = pixels.mean(axis=(1, 2)).astype(np.float32)
        return means


def take(pictures: list[Picture], extractor: MeanColour, folder: Path) -> tuple[Store, dict[Path, str]]:
    like: Extractor = extractor  # type: ignore[assignment]  # all that `extract` asks of one
    return extract(pictures, like, folder)


def pictures_in(folder: Path) -> list[Picture]:
    return read_dataset(fill(folder, {"cup": 20, "mug": 20})).pictures()


def test_nothing_is_taken_twice(tmp_path: Path) -> None:
    pictures, extractor = pictures_in(tmp_path / "data"), MeanColour()
    first, _ = take(pictures, extractor, tmp_path / "store")
    assert extractor.seen == len(pictures) == 40
    again, _ = take(pictures, extractor, tmp_path / "store")
    assert extractor.seen == 40
    np.testing.assert_array_equal(stacked(pictures, first)[0], stacked(pictures, again)[0])


def test_after_an_interruption_it_goes_on_where_it_was(tmp_path: Path) -> None:
    pictures = pictures_in(tmp_path / "data")
    with pytest.raises(KeyboardInterrupt):
        take(pictures, MeanColour(stop_after=16), tmp_path / "store")
    rest = MeanColour()
    take(pictures, rest, tmp_path / "store")
    assert rest.seen == 40 - 16


def test_a_record_that_was_cut_off_is_taken_again(tmp_path: Path) -> None:
    pictures = pictures_in(tmp_path / "data")
    whole, _ = take(pictures, MeanColour(), tmp_path / "store")
    before = stacked(pictures, whole)[0]
    whole.path.write_bytes(whole.path.read_bytes()[:-5])
    rest = MeanColour()
    again, _ = take(pictures, rest, tmp_path / "store")
    assert rest.seen == 1
    np.testing.assert_array_equal(stacked(pictures, again)[0], before)
    final = MeanColour()
    take(pictures, final, tmp_path / "store")
    assert final.seen == 0


def test_a_record_that_was_damaged_is_taken_again(tmp_path: Path) -> None:
    pictures = pictures_in(tmp_path / "data")
    whole, _ = take(pictures, MeanColour(), tmp_path / "store")
    before = stacked(pictures, whole)[0]
    content = bytearray(whole.path.read_bytes())
    content[40] ^= 1
    whole.path.write_bytes(content)
    rest = MeanColour()
    again, _ = take(pictures, rest, tmp_path / "store")
    assert rest.seen == 1
    np.testing.assert_array_equal(stacked(pictures, again)[0], before)


def test_unreadable_pictures_are_named_and_the_others_taken(tmp_path: Path) -> None:
    pictures = pictures_in(tmp_path / "data")
    pictures[3].path.write_bytes(b"\x89PNG no more")
    store, unreadable = take(pictures, MeanColour(), tmp_path / "store")
    assert [*unreadable] == [pictures[3].path]
    assert all(each.digest in store for each in pictures if each is not pictures[3])


def test_two_stores_on_one_file_add_to_each_other(tmp_path: Path) -> None:
    one, other = Store(tmp_path / "f", WIDTH), Store(tmp_path / "f", WIDTH)
    one.add({"aa" * 32: np.ones(WIDTH, np.float32)})
    other.add({"bb" * 32: np.zeros(WIDTH, np.float32)})
    both = Store(tmp_path / "f", WIDTH)
    assert "aa" * 32 in both
    assert "bb" * 32 in both
