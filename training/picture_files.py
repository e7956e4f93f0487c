"""Reading many picture files in batches."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.images import read_ahead
from models.networks import View


class PictureFile(Protocol):
    """Anything that says where its picture is."""

    @property
    def path(self) -> Path: ...


P = TypeVar("P", bound=PictureFile)


@dataclass(frozen=True)
class Batch(Generic[P]):
    """The next pictures of a list: `pixels` (n, size, size, 3) uint8 of the n `readable` ones, and errors by path."""

    readable: list[P]
    pixels: NDArray[np.uint8]
    unreadable: dict[Path, str]

    def __len__(self) -> int:
        return len(self.readable) + len(self.unreadable)


def read_batches(pictures: Iterable[P], view: View, batch_size: int) -> Iterator[Batch[P]]:
    """The pictures in order, `batch_size` at a time, as `models.images.read_picture` reads them.

    Memory holds a few batches at a time.
    """
    pictures = list(pictures)
    results = zip(pictures, read_ahead([each.path for each in pictures], view), strict=True)
    while window := list(islice(results, batch_size)):
        readable: list[P] = []
        arrays = [np.empty((0, view.size, view.size, 3), np.uint8)]
        unreadable: dict[Path, str] = {}
        for picture, result in window:
            if isinstance(result, str):
                unreadable[picture.path] = result
            else:
                readable.append(picture)
                arrays.append(result[None])
        yield Batch(readable, np.concatenate(arrays), unreadable)
