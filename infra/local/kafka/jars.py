"""The local broker's jars, fetched once into the user's cache.

Every call reads every jar and compares its SHA-256 (44 MB, well under 0.3 s), so a truncated or changed file is never
handed to Java: it is deleted, named, and fetched again.
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

from infra.local.kafka.delivery import Delivery, NotDelivered, sha256
from infra.local.kafka.lockfile import LOCK, Jar, locked_jars
from infra.local.kafka.meter import Meter

log = logging.getLogger(__name__)


class JarsUnavailable(Exception):
    """Kafka's jars are not all in the cache and could not be fetched into it."""


def fetch(
    cache: Path,
    progress: Console | None = None,
    stop: threading.Event | None = None,
    *,
    jars: Sequence[Jar] | None = None,
    mirror: str | None = None,
) -> list[Path]:
    """The broker's class path, in `cache`/kafka/jars; what is missing there is fetched first.

    `progress` shows a bar on a terminal and a few lines elsewhere; setting `stop` from another thread ends a fetch.
    `jars` is for another list than the lock's, `mirror` the URL of a Maven repository to take them from. Several
    processes may call this at once. Raises JarsUnavailable.
    """
    jars = locked_jars() if jars is None else jars
    stop = stop or threading.Event()
    folder = cache / "kafka" / "jars"
    try:
        if missing := _missing(jars, folder, progress):
            folder.mkdir(parents=True, exist_ok=True)
            with _alone(folder, stop):
                # Another process may have fetched them while this one waited.
                if missing := _missing(missing, folder, progress):
                    _deliver(missing, folder, progress, stop, mirror)
    except NotDelivered as error:
        raise JarsUnavailable(
            f"Kafka's {error}: try again, check HTTPS_PROXY if this machine needs a proxy, "
            f"or get the Maven artifacts that {LOCK} lists in another way and put them into {folder}"
        ) from error
    except OSError as error:
        raise JarsUnavailable(
            f"Kafka's jars cannot be kept in {folder}: {error.strerror or error}; "
            "make room or give write permission there, or name another cache folder"
        ) from error
    return [folder / jar.filename for jar in jars]


def _missing(jars: Sequence[Jar], folder: Path, progress: Console | None) -> list[Jar]:
    def sound(jar: Jar) -> bool:
        path = folder / jar.filename
        if not path.exists():
            return False
        if sha256(path) == jar.sha256:
            return True
        path.unlink()
        what = f"deleted {path}: its SHA-256 is not the one in {LOCK.name}"
        if progress is None:
            log.warning(what)
        else:
            progress.print(what, soft_wrap=True)
        return False

    with ThreadPoolExecutor(4) as pool:
        return [jar for jar, good in zip(jars, pool.map(sound, jars), strict=True) if not good]


def _deliver(
    jars: Sequence[Jar], folder: Path, progress: Console | None, stop: threading.Event, mirror: str | None
) -> None:
    for left_behind in folder.glob(".incoming-*"):
        shutil.rmtree(left_behind, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory(prefix=".incoming-", dir=folder) as incoming,
        Meter(progress, f"{len(jars)} jars of Apache Kafka", sum(jar.size for jar in jars)) as meter,
    ):
        Delivery(Path(incoming), folder, meter, stop, mirror).bring(jars)


@contextlib.contextmanager
def _alone(folder: Path, stop: threading.Event) -> Iterator[None]:
    with (folder / ".fetching").open("w") as lock:
        while not stop.is_set():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                stop.wait(0.2)
        yield
