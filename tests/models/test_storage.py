"""Places are tried before they are written; what cannot be written is named, and nothing half written remains."""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from models.storage import (
    Unwritable,
    check_file,
    check_folder,
    check_replaceable,
    check_temporary,
    replaced,
    write_file,
)
from tests.fakes.disks import forbidden_folder, largest_file, small_disk


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def message(check: Callable[[], object]) -> str:
    with pytest.raises(Unwritable) as raised:
        check()
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_folder_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    check_folder(tmp_path, "--out", needed=1000)
    check_folder(tmp_path / "not" / "there", "--out", needed=1000)
    assert names(tmp_path) == set()


@pytest.mark.parametrize("below", ["file", "file/folder", "file/folder/deeper"])
def test_file_where_a_folder_should_be_is_named_with_what_to_do(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("mine")
    said = message(lambda: check_folder(tmp_path / below, "--out"))
    assert said == (
        f"{tmp_path / below} cannot be written ({tmp_path / 'file'} is not a folder): name another place with --out"
    )


def test_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    assert f"{tmp_path / 'link'} is a link that leads nowhere" in message(
        lambda: check_folder(tmp_path / "link" / "data", "--data-dir")
    )
    assert names(tmp_path) == {"link"}


def test_folder_without_the_right_to_write_is_named_with_its_owner() -> None:
    with forbidden_folder() as folder:
        said = message(lambda: check_folder(folder / "new", "SIGHTSTREAM_CACHE"))
        write = message(lambda: write_file(folder / "report.html", b"x", "--report"))
    assert said.startswith(f"{folder / 'new'} cannot be written (Permission denied in {folder}, which belongs to ")
    assert said.endswith("): get the right to write there, or name another place with SIGHTSTREAM_CACHE")
    assert "Permission denied" in write


def test_home_that_nobody_knows_is_not_a_folder_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "~ stands for no home folder here" in message(
        lambda: check_folder(Path("~/.cache/sightstream"), "SIGHTSTREAM_CACHE")
    )


def test_too_little_room_is_said_in_figures_before_anything_is_written(tmp_path: Path) -> None:
    said = message(lambda: check_folder(tmp_path / "out", "--out", needed=10**18))
    assert "MB are free, 1000000000000.0 MB are needed): make room there, or name another place with --out" in said
    assert "MB are needed" in message(lambda: check_file(tmp_path / "a.html", "--report", needed=10**18))
    assert "MB are needed" in message(lambda: check_replaceable(tmp_path / "out", "--out", needed=10**18))


def test_small_disk_is_full_before_and_in_the_middle_and_can_be_used_afterwards(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        assert "2.1 MB are free, 25.0 MB are needed" in message(lambda: check_folder(disk, "--out", 25_000_000))
        assert "No space left on device" in message(lambda: write_file(disk / "new" / "a", bytes(3_000_000), "--out"))
        assert names(disk) == set()
        (disk / "other").write_bytes(bytes(2 * 1024 * 1024))
        assert "make room there" in message(lambda: check_folder(disk, "--out"))
        (disk / "other").unlink()
        write_file(disk / "new" / "a", b"now", "--out")
        assert (disk / "new" / "a").read_bytes() == b"now"


def test_disk_that_has_no_more_files_is_not_called_full_of_bytes(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=2m,nr_inodes=2") as disk:
        (disk / "last").touch()
        said = message(lambda: check_folder(disk, "--data-dir"))
    assert "as many files as it can have" in said
    assert said.endswith("make room there, or name another place with --data-dir")


def test_read_only_disk_is_named(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "ro") as disk:
        for check in (check_folder, check_replaceable, check_file):
            said = message(partial(check, disk / "new", "--out"))
            assert said == f"{disk / 'new'} cannot be written (Read-only file system): name another place with --out"


def test_folder_where_a_disk_is_mounted_cannot_be_replaced(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        assert "name a new folder in it" in message(lambda: check_replaceable(disk, "--out"))
        with pytest.raises(Unwritable, match="name a new folder in it with --out"), replaced(disk, "--out"):
            pass
        assert names(tmp_path) == {"disk"}


def test_file_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    write_file(tmp_path / "a", b"old", "--report")
    with largest_file(100_000):
        said = message(lambda: write_file(tmp_path / "a", bytes(200_000), "--report"))
        said_of_folder = message(lambda: write_file(tmp_path / "new" / "folder" / "a", bytes(200_000), "--report"))
    assert said.startswith(f"{tmp_path / 'a'} cannot be written (File too large): make room there, or")
    assert "File too large" in said_of_folder
    assert names(tmp_path) == {"a"}
    assert (tmp_path / "a").read_bytes() == b"old"


def test_folder_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    with replaced(tmp_path / "cups", "--out") as filling:
        (filling / "a").write_bytes(b"old")

    def replace() -> None:
        with replaced(tmp_path / "cups", "--out") as filling:
            (filling / "b").write_bytes(b"small enough")
            (filling / "a").write_bytes(bytes(200_000))

    with largest_file(100_000):
        assert "cups cannot be written" in message(replace)
    assert names(tmp_path) == {"cups"}
    assert (tmp_path / "cups" / "a").read_bytes() == b"old"


def test_folder_behind_a_link_is_replaced_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "disk" / "cups").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "cups")
    with replaced(tmp_path / "link", "--out") as filling:
        (filling / "a").write_bytes(b"new")
    assert names(tmp_path) == {"disk", "link"}
    assert (tmp_path / "disk" / "cups" / "a").read_bytes() == b"new"


def test_what_a_killed_process_left_behind_is_removed_after_a_while(tmp_path: Path) -> None:
    for name, age_s in ((".cups.abcdefgh", 7200), (".cups.ijklmnop", 60), (".other.abcdefgh", 7200)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").touch()
        os.utime(tmp_path / name, (0, time.time() - age_s))
    with replaced(tmp_path / "cups", "--out"):
        pass
    assert names(tmp_path) == {"cups", ".cups.ijklmnop", ".other.abcdefgh"}


def test_device_is_written_and_never_replaced() -> None:
    check_file(Path("/dev/null"), "--report")
    write_file(Path("/dev/null"), b"report", "--report")
    assert Path("/dev/null").is_char_device()
    if Path("/dev/full").is_char_device():  # Linux
        assert "No space left" in message(lambda: write_file(Path("/dev/full"), b"report", "--report"))


def test_folder_where_a_file_should_be_is_refused_before_it_is_written(tmp_path: Path) -> None:
    assert "it is a folder" in message(lambda: check_file(tmp_path, "--report"))


def test_machine_without_a_folder_for_temporary_files_is_told_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", None)  # what an earlier call found
    with largest_file(0):
        said = message(check_temporary)
    assert said.startswith("no temporary file can be written (No usable temporary directory found in [")
    assert said.endswith("): name a folder for them with TMPDIR")
    check_temporary()
