"""Folders and files that only their owner can read."""

import os
from pathlib import Path

import pytest

from infra.local.private_files import open_private, private_folder


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_folder_and_a_new_file_are_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        private_folder(tmp_path / "a" / "logs")
        with open_private(tmp_path / "a" / "logs" / "gateway.log") as file:
            file.write(b"line\n")
    finally:
        os.umask(before)
    assert (mode(tmp_path / "a" / "logs"), mode(tmp_path / "a" / "logs" / "gateway.log")) == (0o700, 0o600)


def test_what_was_readable_by_others_is_so_no_more(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir(mode=0o755)
    for name in ("gateway.log", "gateway.old"):
        (folder / name).write_text("from an earlier version\n")
        (folder / name).chmod(0o644)
    private_folder(folder)
    assert mode(folder) == 0o700
    assert {mode(each) for each in folder.iterdir()} == {0o600}


def test_an_open_file_is_appended_to_and_made_private(tmp_path: Path) -> None:
    path = tmp_path / "gateway.log"
    path.write_text("one\n")
    path.chmod(0o666)
    with open_private(path) as file:
        file.write(b"two\n")
    assert (path.read_text(), mode(path)) == ("one\ntwo\n", 0o600)


def test_the_target_of_a_link_in_the_folder_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "shared").write_text("")
    (tmp_path / "shared").chmod(0o644)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "link").symlink_to(tmp_path / "shared")
    private_folder(tmp_path / "logs")
    assert mode(tmp_path / "shared") == 0o644
