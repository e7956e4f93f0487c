"""The reader of PyTorch files, against files made here by the format's description."""

import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.checkpoint import RefusedPickle, UnreadableCheckpoint, read_tensors

MAGIC = 0x1950A86A20F9469CFC6C


class Storage:
    """What a pickle of the format refers to from outside itself."""

    def __init__(self, values: NDArray[np.float32]) -> None:
        self.values = values


class Tensor:
    def __init__(self, storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        hooks: OrderedDict[str, Any] = OrderedDict()
        self.arguments = storage, offset, shape, strides, False, hooks

    def __reduce__(self) -> Any:
        return sys.modules["torch._utils"].__dict__["_rebuild_tensor_v2"], self.arguments


class Writer(pickle.Pickler):
    def persistent_id(self, thing: Any) -> Any:
        if isinstance(thing, Storage):
            kind = sys.modules["torch"].__dict__["FloatStorage"]
            return "storage", kind, str(id(thing)), "cpu", len(thing.values), None
        return None


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes objects as a checkpoint; pickle only wants names that it can import."""
    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    torch.__dict__["FloatStorage"] = type("FloatStorage", (), {"__module__": "torch"})

    def _rebuild_tensor_v2() -> None: ...

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils.__dict__["_rebuild_tensor_v2"] = _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    def writer(state: Any, *storages: Storage, magic: int = MAGIC) -> Path:
        file = BytesIO()
        for part in (magic, 1001, {"little_endian": True}, state, [str(id(each)) for each in storages]):
            Writer(file, protocol=2).dump(part)
        for each in storages:
            file.write(len(each.values).to_bytes(8, "little") + each.values.tobytes())
        path = tmp_path / "weights.pth"
        path.write_bytes(file.getvalue())
        return path

    return writer


SIX = Storage(np.arange(6, dtype=np.float32))


def test_tensors_come_back_with_their_names_and_order(write: Callable[..., Path]) -> None:
    state = OrderedDict(rows=Tensor(SIX, 0, (2, 3), (3, 1)), tail=Tensor(SIX, 4, (2,), (1,)))
    tensors = read_tensors(write(state, SIX))
    assert list(tensors) == ["rows", "tail"]
    assert tensors["rows"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert tensors["tail"].tolist() == [4, 5]


def test_transposed_tensor_is_read_by_its_strides(write: Callable[..., Path]) -> None:
    tensors = read_tensors(write({"columns": Tensor(SIX, 0, (3, 2), (1, 3))}, SIX))
    assert tensors["columns"].tolist() == [[0, 3], [1, 4], [2, 5]]


class Shell:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


def test_pickle_that_runs_code_is_refused_by_name_and_does_not_run(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    mark = tmp_path / "was here"
    with pytest.raises(RefusedPickle, match=r"pathlib|getattr"):
        read_tensors(write({"weight": Shell(mark)}))
    assert not mark.exists()


@pytest.mark.parametrize("name", [b"os\nsystem", b"builtins\neval", b"torch\nload", b"collections\nCounter"])
def test_every_other_global_is_refused_by_name(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"c" + name + b"\n(S'id'\ntR.")
    with pytest.raises(RefusedPickle, match=name.decode().replace("\n", r"\.")):
        read_tensors(path)


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor(SIX, 1, (6,), (1,)),
        Tensor(SIX, 0, (2,), (6,)),
        Tensor(SIX, -1, (2,), (1,)),
        Tensor(SIX, 5, (2,), (-1,)),
        Tensor(SIX, 0, (10**9, 10**9), (0, 0)),
    ],
    ids=["past the end", "by its stride", "before the start", "backwards", "endless"],
)
def test_tensor_outside_its_storage_is_refused(write: Callable[..., Path], tensor: Tensor) -> None:
    with pytest.raises(UnreadableCheckpoint, match="its storage"):
        read_tensors(write({"weight": tensor}, SIX))


def test_truncated_file_is_named(write: Callable[..., Path]) -> None:
    path = write({"rows": Tensor(SIX, 0, (2, 3), (3, 1))}, SIX)
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 4):
        path.write_bytes(whole[:length])
        with pytest.raises(UnreadableCheckpoint, match=r"weights\.pth"):
            read_tensors(path)


def test_other_pickles_are_no_checkpoint(write: Callable[..., Path]) -> None:
    with pytest.raises(UnreadableCheckpoint, match="old format"):
        read_tensors(write({}, magic=7))
