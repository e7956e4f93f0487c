"""Folders that appear whole or not at all, and the digest that tells whether a file still is what was written."""

import errno
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replaced(target: Path) -> Iterator[Path]:
    """A new folder to fill, which takes the place of `target` when the block ends well and is gone when it does not.

    Processes that do this at the same time, each with the whole content, leave one of theirs.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    filling = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield filling
        filling.chmod(0o755)  # mkdtemp's folders are their owner's alone
        _swap(filling, target)
    finally:
        shutil.rmtree(filling, ignore_errors=True)


def _swap(new: Path, target: Path) -> None:
    old = Path(f"{new}.old")
    while True:
        with suppress(FileNotFoundError):
            target.rename(old)
        try:
            new.rename(target)
            break
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            shutil.rmtree(old, ignore_errors=True)  # somebody else's came in between: once more
    shutil.rmtree(old, ignore_errors=True)


def sha256(path: Path) -> str:
    """The file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
