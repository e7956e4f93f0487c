"""Reads the tensors of an old-format PyTorch checkpoint (before 1.6) without PyTorch and without running its code.

The file is a sequence of pickles (magic number, protocol, system facts, state dict, storage keys) followed by the raw
storages. A pickle can call any function, so only the four names that a state dict needs are allowed.
Format: torch/serialization.py of PyTorch, `_legacy_save`.
"""

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib.stride_tricks import as_strided

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class UnreadableCheckpoint(ValueError):
    """The file is not a complete checkpoint in the old PyTorch format."""


class RefusedPickle(UnreadableCheckpoint):
    """The file's pickle names something that a table of tensors does not need."""


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]
    size: int


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """Returns the tensors of the checkpoint at `path` by name, in the file's order.

    Raises RefusedPickle when the file would run code, and UnreadableCheckpoint when it is damaged or is not a
    checkpoint.
    """
    with path.open("rb") as file:
        try:
            return _read(file)
        except UnreadableCheckpoint as error:
            raise type(error)(f"{path}: {error}") from error
        except Exception as error:  # a damaged pickle can raise almost any exception
            raise UnreadableCheckpoint(f"{path}: damaged or not a PyTorch checkpoint ({error!r})") from error


def _read(file: BinaryIO) -> dict[str, np.ndarray]:
    if _unpickled(file) != _MAGIC or _unpickled(file) != _PROTOCOL:
        raise UnreadableCheckpoint("not a PyTorch checkpoint of the old format")
    system = _unpickled(file)
    if not system["little_endian"]:
        raise UnreadableCheckpoint("written on a big-endian machine")
    tensors: dict[str, _Tensor] = _unpickled(file)
    keys: list[str] = _unpickled(file)
    wanted = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    storages = {key: _storage(file, wanted[key]) for key in keys}
    return {name: _array(tensor, storages[tensor.storage.key]) for name, tensor in tensors.items()}


def _storage(file: BinaryIO, storage: _Storage) -> np.ndarray:
    count = int.from_bytes(file.read(8), "little")
    if count != storage.size:
        raise UnreadableCheckpoint(f"storage {storage.key} has {count} values, not {storage.size}")
    data = file.read(count * storage.dtype.itemsize)
    return np.frombuffer(data, storage.dtype, count)


def _array(tensor: _Tensor, storage: np.ndarray) -> np.ndarray:
    last = tensor.offset + sum((side - 1) * step for side, step in zip(tensor.shape, tensor.strides, strict=True))
    if min((tensor.offset, *tensor.shape, *tensor.strides), default=0) < 0 or last >= storage.size:
        raise UnreadableCheckpoint(f"a tensor of shape {tensor.shape} reaches outside its storage")
    if prod(tensor.shape) > storage.size:
        raise UnreadableCheckpoint(f"a tensor of shape {tensor.shape} is larger than its storage")
    strides = [step * storage.itemsize for step in tensor.strides]
    return as_strided(storage[tensor.offset :], tensor.shape, strides, writeable=False)


def _unpickled(file: BinaryIO) -> Any:
    return _Restricted(file).load()


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuilt
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise RefusedPickle(f"refused to load {module}.{name}: only tensors may be in a weights file")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _device, size, view = pid
        if kind != "storage" or not isinstance(dtype, np.dtype) or view is not None:
            raise RefusedPickle(f"refused to load {pid!r}: only whole tensor storages may be in a weights file")
        return _Storage(str(key), dtype, int(size))


def _rebuilt(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)
