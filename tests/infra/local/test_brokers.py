from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from rich.console import Console

from infra.local.brokers import LocalBrokers, TooLittleMemory
from models.storage import Unwritable
from tests.fakes.disks import small_disk


def brokers(folder: Path, count: int) -> LocalBrokers:
    return LocalBrokers(folder, count, cache=folder, console=Console(), setting="--data-dir")


@pytest.mark.parametrize(
    ("count", "what_to_do"), [(3, "stop other programs, or start one with --brokers 1"), (1, "stop other programs")]
)
def test_too_little_memory_is_said_before_a_node_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, count: int, what_to_do: str
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=90e6))
    monkeypatch.setattr(psutil, "swap_memory", lambda: SimpleNamespace(free=60e6))

    needed = rf"{count} nodes need {count * 200} MB of memory, and 150 MB are free: {what_to_do}$"
    with pytest.raises(TooLittleMemory, match=needed):
        brokers(tmp_path, count).check(0)


def test_a_disk_of_one_node_that_is_too_small_is_named(tmp_path: Path) -> None:
    with small_disk(tmp_path / "2") as disk, pytest.raises(Unwritable, match=f"{disk} cannot be written .*needed"):
        brokers(tmp_path, 3).check(8_000_000)
