"""A network's pooled features of pictures, taken once and kept: training a head costs seconds, not the network.

The store is a file of records, each a picture's SHA-256, its features and a checksum. It only ever grows at its end,
so what was extracted before Ctrl-C is there the next time, and a record that was cut off is simply taken again.
"""

import fcntl
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.engines.cores import available_cores
from models.engines.openvino import converted
from models.images import CENTRE_CROP, read_ahead
from training.dataset import Picture

BATCH = 8

Features = NDArray[np.float32]

_DIGEST = 32
_CHECK = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class View:
    """How a picture is shown to the network: `size` pixels a side, `crop` of its short side."""

    size: int
    crop: float = CENTRE_CROP


class Extractor:
    """A published network without its head: (n, size, size, 3) uint8 to pooled features (n, width) float32.

    `view.size` may be another than the network's own, for these networks end in a mean over the whole picture. With
    `pooled` off it gives what that mean is taken of, (n, rows, columns, width).
    """

    def __init__(self, bundle: Bundle, cache: Path, view: View, *, pooled: bool = True) -> None:
        import openvino

        core = openvino.Core()
        network = core.read_model(converted(bundle, cache))
        network.reshape([openvino.Dimension(1, BATCH), view.size, view.size, 3])
        last = "MatMul" if pooled else "ReduceMean"
        behind = [node for node in network.get_ordered_ops() if node.get_type_name() == last][-1]
        features = openvino.Model([behind.input(0).get_source_output()], network.get_parameters())
        bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": available_cores(),
            "ENABLE_CPU_PINNING": False,
            "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
        }
        compiled = core.compile_model(features, "CPU", options)
        precision = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
        self.view = view
        self.pooled = pooled
        self.width = int(features.outputs[0].get_partial_shape()[1].get_length())
        self.key = f"{bundle.version}-{view.size}-{view.crop:g}-{precision}"
        self._request: Any = compiled.create_infer_request()

    def __call__(self, pixels: NDArray[np.uint8]) -> Features:
        self._request.infer([pixels], share_inputs=True)
        features: Features = self._request.get_output_tensor(0).data.astype(np.float32)
        return features if self.pooled else features.transpose(0, 2, 3, 1)


class Store:
    """Features by the content of the picture they were taken from, in one file; several processes may add to it."""

    def __init__(self, path: Path, width: int) -> None:
        self.path = path
        self.width = width
        self._size = _DIGEST + 4 * width + _CHECK.size
        self._rows: dict[str, Features] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        with self._locked() as file:
            self._load(file)

    def __contains__(self, digest: str) -> bool:
        return digest in self._rows

    def __getitem__(self, digest: str) -> Features:
        return self._rows[digest]

    def add(self, rows: Mapping[str, Features]) -> None:
        """Keep the features, each (width,), of the pictures with these digests."""
        records = []
        for digest, features in rows.items():
            body = bytes.fromhex(digest) + features.astype("<f4").tobytes()
            records.append(body + _CHECK.pack(zlib.crc32(body)))
        with self._locked() as file:
            file.truncate(file.seek(0, 2) // self._size * self._size)  # what was cut off there goes
            file.seek(0, 2)
            file.write(b"".join(records))
        self._rows.update(rows)

    def _load(self, file: BinaryIO) -> None:
        while len(record := file.read(self._size)) == self._size:
            body, check = record[: -_CHECK.size], _CHECK.unpack(record[-_CHECK.size :])[0]
            if zlib.crc32(body) == check:
                self._rows[body[:_DIGEST].hex()] = np.frombuffer(body, "<f4", offset=_DIGEST).astype(np.float32)

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        with self.path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def extract(
    pictures: Sequence[Picture],
    extractor: Extractor,
    folder: Path,
    done: Callable[[int], object] = lambda _: None,
) -> tuple[Store, dict[Path, str]]:
    """The features of all `pictures`, from the store in `folder` or taken now, and the files that cannot be read.

    `done` is told of how many more pictures the features are there. Memory holds the features and a few pictures.
    """
    store = Store(folder / f"{extractor.key}.features", extractor.width)
    missing = [each for each in pictures if each.digest not in store]
    done(len(pictures) - len(missing))
    unreadable: dict[Path, str] = {}
    pixels_of = read_ahead([each.path for each in missing], extractor.view.size, extractor.view.crop)
    shown = zip(missing, pixels_of, strict=True)
    while window := list(islice(shown, BATCH)):
        good: dict[str, NDArray[np.uint8]] = {}
        for picture, pixels in window:
            if isinstance(pixels, str):
                unreadable[picture.path] = pixels
            else:
                good[picture.digest] = pixels
        if good:
            features = extractor(np.stack([*good.values()]))  # (n, size, size, 3) uint8 -> (n, width)
            store.add(dict(zip(good, features, strict=True)))
        done(len(window))
    return store, unreadable


def stacked(pictures: Sequence[Picture], store: Store) -> tuple[Features, NDArray[np.int64]]:
    """The features (n, width) and the labels (n,) of `pictures`, which are all in the store."""
    features = np.empty((len(pictures), store.width), np.float32)
    for row, picture in enumerate(pictures):
        features[row] = store[picture.digest]
    return features, np.array([picture.label for picture in pictures], np.int64)
