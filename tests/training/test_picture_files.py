"""Picture files are read in batches."""

from dataclasses import dataclass
from pathlib import Path

from models.networks import View
from tests.fakes.drawn_pictures import write_plain
from training.picture_files import read_batches

VIEW = View(8, crop=1.0)


@dataclass
class File:
    path: Path


def test_batches_keep_the_order_and_name_what_cannot_be_read(tmp_path: Path) -> None:
    files = [File(write_plain(tmp_path / f"{number}.png", "red")) for number in range(5)]
    files[1].path.write_bytes(b"not a picture")
    first, second, third = read_batches(files, VIEW, 2)
    assert [len(batch) for batch in (first, second, third)] == [2, 2, 1]
    assert first.readable + second.readable + third.readable == [files[0], *files[2:]]
    assert [*first.unreadable] == [files[1].path]
    assert first.pixels.shape == (1, 8, 8, 3)
    assert second.pixels.shape == (2, 8, 8, 3)


def test_a_batch_without_a_readable_picture_is_empty(tmp_path: Path) -> None:
    (batch,) = read_batches([File(tmp_path / "missing.png")], VIEW, 2)
    assert batch.pixels.shape == (0, 8, 8, 3)
    assert batch.unreadable == {tmp_path / "missing.png": "No such file or directory"}
