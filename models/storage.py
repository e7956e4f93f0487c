"""All writing of files: a place is tried before long work, and what is written is there completely or not at all.

`setting` is everywhere the option or variable with which the user names another place, for the message.
"""

import errno
import glob
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from models.picture_folder import shown

CACHE = "SIGHTSTREAM_CACHE"

_TRIAL = 4096  # bytes, a block of most file systems
_LEFT_OVER_S = 3600.0  # no folder takes longer to fill
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM)


class Unwritable(RuntimeError):
    """A file or folder cannot be written. The message names it and says why, and what to do."""


@contextmanager
def writing(place: Path, setting: str) -> Iterator[None]:
    """Raises Unwritable, with `place` in its message, for an OSError of the block."""
    try:
        yield
    except OSError as error:
        raise unwritable(place, setting, error) from error


def is_of_disk(error: BaseException) -> bool:
    """Whether the error is from writing a file, and not from the network, whose errors are OSErrors, too."""
    return isinstance(error, OSError) and error.errno in (*_FULL, *_FORBIDDEN, errno.EROFS, errno.EIO)


def unwritable(place: Path, setting: str, error: OSError) -> Unwritable:
    """The error to raise when `place` could not be written because of `error`."""
    reason, advice = " ".join((error.strerror or str(error)).split()), ""
    with suppress(OSError, AttributeError):  # Windows has no statvfs
        there = _existing_part(place.parent if place.exists() and not place.is_dir() else place)
        if error.errno in _FULL:
            files = os.statvfs(there)
            if error.errno == errno.ENOSPC and files.f_files and not files.f_favail:
                reason = "the file system has as many files as it can have"
            advice = "make room there, or "
        elif error.errno in _FORBIDDEN:
            reason += f" in {shown(there)}, which belongs to {_owner(there)}"
            advice = "get the right to write there, or "
    return Unwritable(f"{shown(place)} cannot be written ({reason}): {advice}name another place with {setting}")


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except (KeyError, NotImplementedError):  # it has no name here
        return f"user {path.stat().st_uid}"


def check_folder(folder: Path, setting: str, needed: int = 0) -> None:
    """Tries whether files can be written in `folder`, and `needed` bytes of them. Leaves nothing behind.

    The folder need not exist. Raises Unwritable.
    """
    with writing(folder, setting):
        _try(folder, needed)


def check_file(path: Path, setting: str, needed: int = 0) -> None:
    """Tries whether `write_file` can write `path`, and `needed` bytes of it. Raises Unwritable."""
    with writing(path, setting):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        if not _is_special(path):
            _try(_target(path).parent, needed)


def check_temporary() -> None:
    """Tries whether there is a folder for temporary files, which libraries need, too. Raises Unwritable."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise Unwritable(
            f"no temporary file can be written ({error.strerror}): name a folder for them with TMPDIR"
        ) from error


def check_replaceable(target: Path, setting: str, needed: int = 0) -> None:
    """Tries whether `replaced` can make the folder `target`, and `needed` bytes in it. Raises Unwritable."""
    with writing(target, setting):
        _existing_part(target)  # no file is in its place
        _refuse_mount_point(target, setting)
        _try(_target(target).parent, needed)


def write_file(path: Path, content: bytes, setting: str, mode: int = 0o644) -> None:
    """Writes a file and the folders to it, completely or not at all; a file that is there is replaced.

    Raises Unwritable.
    """
    with writing(path, setting):
        if _is_special(path):
            path.write_bytes(content)
            return
        path = _target(path)
        with _parents_of(path):
            descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            new = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                new.chmod(mode)  # mkstemp makes files that only their owner can read
                new.replace(path)
            finally:
                new.unlink(missing_ok=True)


@contextmanager
def replaced(target: Path, setting: str) -> Iterator[Path]:
    """Gives a new folder to fill, which replaces `target` when the block ends and is deleted when the block raises.

    When several processes do this at the same time, the folder of one of them remains, complete. Raises Unwritable,
    also for an OSError of the block.
    """
    with writing(target, setting):
        _refuse_mount_point(target, setting)
        target = _target(target)
        with _parents_of(target):
            _remove_left_overs(target)
            filling = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
            try:
                yield filling
                filling.chmod(0o755)  # mkdtemp creates folders that only their owner can read
                _swap(filling, target)
            finally:
                shutil.rmtree(filling, ignore_errors=True)


def sha256(path: Path) -> str:
    """Returns the file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _try(folder: Path, needed: int) -> None:
    there = _existing_part(folder)
    with tempfile.TemporaryFile(dir=there) as file:
        file.write(bytes(_TRIAL))
    disk = shutil.disk_usage(there)
    if disk.total and disk.free < needed:
        raise OSError(errno.ENOSPC, f"{disk.free / 1e6:.1f} MB are free, {needed / 1e6:.1f} MB are needed")


def _existing_part(place: Path) -> Path:
    """The nearest folder above `place`, or itself, that exists. Raises OSError for a file or a broken link there."""
    if place.parts[:1] == ("~",):  # what is left of a default when the user has no home folder
        raise FileNotFoundError(errno.ENOENT, "~ stands for no home folder here")
    there = place.absolute()
    while True:
        try:
            is_folder = stat.S_ISDIR(there.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            if there.is_symlink():
                raise FileNotFoundError(errno.ENOENT, f"{shown(there)} is a link that leads nowhere") from None
            there = there.parent
        else:
            if not is_folder:
                raise NotADirectoryError(errno.ENOTDIR, f"{shown(there)} is not a folder")
            return there


def _target(path: Path) -> Path:
    """Where a link leads to, so that what is there is replaced and not the link."""
    return Path(os.path.realpath(path))


def _is_special(path: Path) -> bool:
    """Whether it is a device, a pipe or a folder: nothing that another file may replace."""
    return path.exists() and not path.is_file()


def _refuse_mount_point(target: Path, setting: str) -> None:
    if os.path.ismount(_target(target)):  # unlike Path.is_mount, also while another process replaces it
        reason = "a file system is mounted there"
        raise Unwritable(f"{shown(target)} cannot be replaced ({reason}): name a new folder in it with {setting}")


@contextmanager
def _parents_of(path: Path) -> Iterator[None]:
    """Makes the folders above `path`; those that are empty when the block raises are removed again."""
    made = [each for each in path.parents if not each.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        with suppress(OSError):
            for each in made:
                each.rmdir()
        raise


def _remove_left_overs(target: Path) -> None:
    """Removes folders that were being filled when their process was killed."""
    for left_over in target.parent.glob(f".{glob.escape(target.name)}.????????"):
        with suppress(OSError):
            if time.time() - left_over.stat().st_mtime > _LEFT_OVER_S:
                shutil.rmtree(left_over)


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
