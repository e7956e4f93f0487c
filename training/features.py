"""The pooled features of pictures. They are computed once and stored, so training a head takes only seconds.

The store is a file of records: a picture's SHA-256, its features and a checksum. Records are only added at the end,
so features that were stored before Ctrl-C are not computed again. Incomplete or damaged records are computed again.
"""

import fcntl
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.engines.cores import available_cores
from models.engines.openvino import converted
from models.images import READING
from models.networks import View
from models.storage import CACHE, check_folder, writing
from training.dataset import Picture
from training.picture_files import read_batches
from training.recipes import Features, Labels

BATCH = 8

_DIGEST = 32  # bytes
_CHECK = struct.Struct("<I")


class Extractor:
    """A published network without its head: (n, size, size, 3) uint8 to pooled features (n, width) float32.

    n is at most BATCH. `view.size` may differ from the network's own input size, because these networks end in a mean
    over the whole picture. With `pooled=False` the result is the feature maps before that mean, (n, rows, columns,
    width).
    """

    def __init__(self, bundle: Bundle, cache: Path, view: View, *, pooled: bool = True) -> None:
        import openvino

        core = openvino.Core()
        network = core.read_model(converted(bundle, cache))
        network.reshape([openvino.Dimension(1, BATCH), view.size, view.size, 3])
        head_operation = "MatMul" if pooled else "ReduceMean"
        last_operation = [node for node in network.get_ordered_ops() if node.get_type_name() == head_operation][-1]
        features = openvino.Model([last_operation.input(0).get_source_output()], network.get_parameters())
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
        self.key = f"{bundle.version}-{view.size}-{view.crop:g}-{precision}-{READING}"
        self._request: Any = compiled.create_infer_request()

    def __call__(self, pixels: NDArray[np.uint8]) -> Features:
        self._request.infer([pixels], share_inputs=True)
        features: Features = self._request.get_output_tensor(0).data.astype(np.float32)
        return features if self.pooled else features.transpose(0, 2, 3, 1)


class FeatureStore:
    """Features (width,) by the SHA-256 of their picture, in one file. Several processes may add to it at once."""

    def __init__(self, path: Path, width: int) -> None:
        self.path = path
        self.width = width
        self._size = _DIGEST + 4 * width + _CHECK.size
        self._rows: dict[str, Features] = {}
        with writing(path, CACHE):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            with self._locked() as file:
                self._load(file)

    def __contains__(self, digest: str) -> bool:
        return digest in self._rows

    def __getitem__(self, digest: str) -> Features:
        return self._rows[digest]

    def add(self, rows: Mapping[str, Features]) -> None:
        """Stores features, each (width,), by digest. Raises storage.Unwritable; what was stored before stays."""
        records = []
        for digest, features in rows.items():
            body = bytes.fromhex(digest) + features.astype("<f4").tobytes()
            records.append(body + _CHECK.pack(zlib.crc32(body)))
        with writing(self.path, CACHE), self._locked() as file:
            file.truncate(file.seek(0, 2) // self._size * self._size)  # drops an incomplete record
            file.seek(0, 2)
            file.write(b"".join(records))
        self._rows.update(rows)

    def room_for(self, count: int) -> None:
        """Tries whether there is room for so many more pictures. Raises storage.Unwritable."""
        check_folder(self.path.parent, CACHE, count * self._size)

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
    progress: Callable[[int], object] = lambda count: None,
) -> tuple[FeatureStore, dict[Path, str]]:
    """Fills the store in `folder` with the features of all pictures; returns it, and the errors of unreadable files.

    Only pictures that the store does not have go through the network. `progress` is called with the number of further
    pictures that are done. Memory holds the features and a few pictures. Raises storage.Unwritable; the features
    until then are kept.
    """
    store = FeatureStore(folder / f"{extractor.key}.features", extractor.width)
    missing = [each for each in pictures if each.digest not in store]
    store.room_for(len(missing))
    progress(len(pictures) - len(missing))
    unreadable: dict[Path, str] = {}
    for batch in read_batches(missing, extractor.view, BATCH):
        unreadable |= batch.unreadable
        if batch.readable:
            features = extractor(batch.pixels)  # (n, size, size, 3) uint8 -> (n, width) float32
            store.add({picture.digest: row for picture, row in zip(batch.readable, features, strict=True)})
        progress(len(batch))
    return store, unreadable


def stacked(pictures: Sequence[Picture], store: FeatureStore) -> tuple[Features, Labels]:
    """The features (n, width) and the labels (n,) of pictures that are all in the store. Raises KeyError."""
    features = np.empty((len(pictures), store.width), np.float32)
    for row, picture in enumerate(pictures):
        features[row] = store[picture.digest]
    return features, np.array([picture.label for picture in pictures], np.int64)
