"""Folders that are replaced in one step, and the digest that shows whether a file was changed."""

import errno
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replaced(target: Path) -> Iterator[Path]:
    """Gives a new folder to fill, which replaces `target` when the block ends and is deleted when the block raises.

    When several processes do this at the same time, the folder of one of them remains, complete.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    filling = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield filling
        filling.chmod(0o755)  # mkdtemp creates folders that only their owner can read
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
            shutil.rmtree(old, ignore_errors=True)  # another process was faster: try again
    shutil.rmtree(old, ignore_errors=True)


def sha256(path: Path) -> str:
    """Returns the file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
