"""Folders and files that only their owner can read: logs, recorded frames, secrets."""

import os
from contextlib import suppress
from pathlib import Path
from typing import IO

FOLDER_MODE = 0o700
FILE_MODE = 0o600


def private_folder(folder: Path) -> None:
    """Make a folder that only its owner can enter, if it is missing. The files in it become private, too.

    Raises:
        OSError: the folder cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(PermissionError):  # it is not ours: whoever owns it decides who reads it
        folder.chmod(FOLDER_MODE)
        for path in folder.iterdir():
            if path.is_file() and not path.is_symlink():
                path.chmod(FILE_MODE)


def open_private(path: Path) -> IO[bytes]:
    """Open a file to append to, which only its owner can read; a file that is there already is changed to that."""
    file = os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, FILE_MODE), "ab")
    with suppress(PermissionError):
        os.fchmod(file.fileno(), FILE_MODE)
    return file
