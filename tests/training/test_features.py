"""Features are computed once for each content, survive any interruption, and damaged ones are replaced."""

from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from models.networks import View
from models.storage import Unwritable
from tests.fakes.disks import largest_file, small_disk
from tests.fakes.drawn_pictures import write_class_folders
from training.dataset import Picture, read_dataset
from training.features import Extractor, FeatureStore, extract, stacked

WIDTH = 3


class MeanColour:
    """An extractor whose features are the mean of each channel; it counts the pictures that it got."""

    key = "mean"
    width = WIDTH
    view = View(8, crop=1.0)

    def __init__(self, stop_after: int | None = None) -> None:
        self.pictures_seen = 0
        self.stop_after = stop_after

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self.stop_after is not None and self.pictures_seen >= self.stop_after:
            raise KeyboardInterrupt
        self.pictures_seen += len(pixels)
        means: NDArray[np.float32] = pixels.mean(axis=(1, 2)).astype(np.float32)
        return means


def extract_mean_colours(
    pictures: list[Picture], extractor: MeanColour, folder: Path
) -> tuple[FeatureStore, dict[Path, str]]:
    return extract(pictures, cast(Extractor, extractor), folder)  # it has all that `extract` uses


def pictures_in(folder: Path, of_each: int = 20) -> list[Picture]:
    return read_dataset(write_class_folders(folder, {"cup": of_each, "mug": of_each})).pictures()


def test_nothing_is_computed_twice(tmp_path: Path) -> None:
    pictures, extractor = pictures_in(tmp_path / "data"), MeanColour()
    first, _ = extract_mean_colours(pictures, extractor, tmp_path / "store")
    assert extractor.pictures_seen == len(pictures) == 40
    again, _ = extract_mean_colours(pictures, extractor, tmp_path / "store")
    assert extractor.pictures_seen == 40
    np.testing.assert_array_equal(stacked(pictures, first)[0], stacked(pictures, again)[0])


def test_features_until_the_disk_was_full_are_kept(tmp_path: Path) -> None:
    pictures = pictures_in(tmp_path / "data", of_each=60)
    record = 32 + 4 * WIDTH + 4
    with largest_file(100 * record + 5), pytest.raises(Unwritable, match=r"make room there.*SIGHTSTREAM_CACHE"):
        extract_mean_colours(pictures, MeanColour(), tmp_path / "store")
    rest = MeanColour()
    store, _ = extract_mean_colours(pictures, rest, tmp_path / "store")
    assert rest.pictures_seen == 20
    fresh, _ = extract_mean_colours(pictures, MeanColour(), tmp_path / "fresh")
    np.testing.assert_array_equal(stacked(pictures, store)[0], stacked(pictures, fresh)[0])


def test_room_for_all_features_is_looked_for_before_the_first(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=64k") as disk:
        store = FeatureStore(disk / "a.features", width=1280)
        store.room_for(5)
        with pytest.raises(Unwritable, match=r"0\.1 MB are free, 5\.2 MB are needed"):
            store.room_for(1000)


def test_after_an_interruption_it_continues_where_it_was(tmp_path: Path) -> None:
    pictures = pictures_in(tmp_path / "data")
    with pytest.raises(KeyboardInterrupt):
        extract_mean_colours(pictures, MeanColour(stop_after=16), tmp_path / "store")
    rest = MeanColour()
    extract_mean_colours(pictures, rest, tmp_path / "store")
    assert rest.pictures_seen == 40 - 16


def test_an_incomplete_record_is_computed_again(tmp_path: Path) -> None:
    pictures = pictures_in(tmp_path / "data")
    whole, _ = extract_mean_colours(pictures, MeanColour(), tmp_path / "store")
    before = stacked(pictures, whole)[0]
    whole.path.write_bytes(whole.path.read_bytes()[:-5])
    rest = MeanColour()
    again, _ = extract_mean_colours(pictures, rest, tmp_path / "store")
    assert rest.pictures_seen == 1
    np.testing.assert_array_equal(stacked(pictures, again)[0], before)
    final = MeanColour()
    extract_mean_colours(pictures, final, tmp_path / "store")
    assert final.pictures_seen == 0


def test_a_damaged_record_is_computed_again(tmp_path: Path) -> None:
    pictures = pictures_in(tmp_path / "data")
    whole, _ = extract_mean_colours(pictures, MeanColour(), tmp_path / "store")
    before = stacked(pictures, whole)[0]
    content = bytearray(whole.path.read_bytes())
    content[40] ^= 1
    whole.path.write_bytes(content)
    rest = MeanColour()
    again, _ = extract_mean_colours(pictures, rest, tmp_path / "store")
    assert rest.pictures_seen == 1
    np.testing.assert_array_equal(stacked(pictures, again)[0], before)


def test_unreadable_pictures_are_named_and_the_others_are_used(tmp_path: Path) -> None:
    pictures = pictures_in(tmp_path / "data")
    pictures[3].path.write_bytes(b"\x89PNG no more")
    store, unreadable = extract_mean_colours(pictures, MeanColour(), tmp_path / "store")
    assert [*unreadable] == [pictures[3].path]
    assert all(each.digest in store for each in pictures if each is not pictures[3])


def test_two_stores_on_one_file_add_to_each_other(tmp_path: Path) -> None:
    one, other = FeatureStore(tmp_path / "f", WIDTH), FeatureStore(tmp_path / "f", WIDTH)
    one.add({"aa" * 32: np.ones(WIDTH, np.float32)})
    other.add({"bb" * 32: np.zeros(WIDTH, np.float32)})
    both = FeatureStore(tmp_path / "f", WIDTH)
    assert "aa" * 32 in both
    assert "bb" * 32 in both
