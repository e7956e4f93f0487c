"""The jars of the local broker, downloaded once into the user's cache.

Each call reads all jars and compares their SHA-256 (44 MB, well under 0.3 s). So Java never gets a truncated or
changed file. Such a file is deleted, named, and downloaded again.
"""

import contextlib
import fcntl
import logging
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from infra.local.errors import StackError
from infra.local.kafka.download import DownloadFailed, JarDownload
from infra.local.kafka.lockfile import LOCK, Jar, locked_jars
from infra.local.kafka.progress import DownloadProgress
from models.picture_folder import counted
from models.storage import CACHE, check_folder, sha256, writing

log = logging.getLogger(__name__)


class JarsUnavailable(StackError):
    """Some of Kafka's jars are not in the cache and cannot be downloaded into it."""


def fetch(
    cache: Path,
    console: Console | None = None,
    stop: threading.Event | None = None,
    *,
    jars: Sequence[Jar] | None = None,
    mirror: str | None = None,
) -> list[Path]:
    """The paths of the jars in `cache`/kafka/jars, in their order; missing ones are downloaded first.

    Several processes may call this at once.

    Args:
        cache: the user's cache folder.
        console: shows the progress of a download.
        stop: setting it from another thread ends a download.
        jars: instead of those in the lock file.
        mirror: the URL of a Maven repository, None for the default one.

    Raises:
        JarsUnavailable: a jar cannot be downloaded, or `stop` was set.
        Unwritable: a jar cannot be stored; those before it are kept.
    """
    jars = locked_jars() if jars is None else jars
    stop = stop or threading.Event()
    folder = cache / "kafka" / "jars"
    try:
        with writing(folder, CACHE):
            if missing := _missing(jars, folder, console):
                check_folder(folder, CACHE, sum(jar.size for jar in missing))
                folder.mkdir(parents=True, exist_ok=True)
                with _locked(folder, stop):
                    # Another process may have downloaded them while this one waited for the lock.
                    if missing := _missing(missing, folder, console):
                        _download(missing, folder, console, stop, mirror)
    except DownloadFailed as error:
        raise JarsUnavailable(
            f"Kafka's {error}: try again, check HTTPS_PROXY if this machine needs a proxy, "
            f"or get the Maven artifacts that {LOCK} lists in another way and put them into {folder}"
        ) from error
    return [folder / jar.filename for jar in jars]


def _missing(jars: Sequence[Jar], folder: Path, console: Console | None) -> list[Jar]:
    """The jars that are not in `folder`; damaged files are deleted and count as missing."""

    def is_intact(jar: Jar) -> bool:
        path = folder / jar.filename
        if not path.exists():
            return False
        if sha256(path) == jar.sha256:
            return True
        path.unlink()
        message = f"deleted {path}: its SHA-256 is not the one in {LOCK.name}"
        if console is None:
            log.warning(message)
        else:
            console.print(message, soft_wrap=True)
        return False

    with ThreadPoolExecutor(4) as pool:
        return [jar for jar, intact in zip(jars, pool.map(is_intact, jars), strict=True) if not intact]


def _download(
    jars: Sequence[Jar], folder: Path, console: Console | None, stop: threading.Event, mirror: str | None
) -> None:
    for left_over in folder.glob(".incoming-*"):  # from a process that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory(prefix=".incoming-", dir=folder) as incoming,
        DownloadProgress(
            console, f"{counted(len(jars), 'jar')} of Apache Kafka", sum(jar.size for jar in jars)
        ) as progress,
    ):
        JarDownload(Path(incoming), folder, progress, stop, mirror).run(jars)


@contextlib.contextmanager
def _locked(folder: Path, stop: threading.Event) -> Iterator[None]:
    """Only one process at a time is inside the block, unless `stop` is set."""
    with (folder / ".fetching").open("w") as lock:
        while not stop.is_set():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                stop.wait(0.2)
        yield
