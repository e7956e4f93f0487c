"""Brings missing jars from a Maven repository into a folder, several at once, each only if its SHA-256 is right."""

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local.kafka.lockfile import LOCK, Jar
from infra.local.kafka.meter import Meter

_AT_ONCE = 8
_ATTEMPTS = 3
_PAUSE_S = 0.5
_TIMEOUT_S = 15


class NotDelivered(Exception):
    """A jar could not be had; the message names it and says why."""


class _GivenUp(Exception):
    pass


@dataclass
class Delivery:
    """One run: downloads go to `incoming`, sound jars are renamed into `folder` beside it.

    Setting `stop` ends it. `mirror` is the URL of a Maven repository, None for jgo's default.
    """

    incoming: Path
    folder: Path
    meter: Meter
    stop: threading.Event
    mirror: str | None = None
    _failed: threading.Event = field(default_factory=threading.Event)

    def bring(self, jars: Sequence[Jar]) -> None:
        """Returns when all are in the folder; raises NotDelivered at the first that cannot be, and OSError."""
        largest_first = sorted(jars, key=lambda jar: -jar.size)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                for done in as_completed([pool.submit(self._bring_one, jar) for jar in largest_first]):
                    done.result()
            except BaseException:
                self._failed.set()
                pool.shutdown(cancel_futures=True)
                raise

    def _bring_one(self, jar: Jar) -> None:
        reason = ""
        for attempt in range(_ATTEMPTS):
            self._failed.wait(_PAUSE_S * attempt)
            try:
                self._show(jar, 0)
                path = self._download(jar, self.incoming / str(attempt))
            except _GivenUp:
                raise NotDelivered(f"{jar.filename} was still to come when fetching was stopped") from None
            except (OSError, RuntimeError, AssertionError) as error:
                reason = in_short(error)
                continue
            found = sha256(path)
            if found == jar.sha256:
                path.replace(self.folder / jar.filename)
                return
            path.unlink()
            reason = f"what came has SHA-256 {found[:12]}…, not {jar.sha256[:12]}… as in {LOCK.name}, and was deleted"
        raise NotDelivered(f"{jar.filename} could not be fetched: {reason}")

    def _download(self, jar: Jar, repository: Path) -> Path:
        from jgo.maven import MavenContext, PythonResolver

        # jgo writes in place and takes any file that is there for complete: hence a new folder for each attempt.
        # A download of an exact version reads and changes nothing but its own file: hence a thread for each jar.
        @contextlib.contextmanager
        def progress(_filename: str, _size: int) -> Iterator[Callable[[int], None]]:
            count = 0

            def more(length: int) -> None:
                nonlocal count
                count += length
                self._show(jar, count)

            yield more

        maven = MavenContext(
            PythonResolver(progress_callback=progress),
            repo_cache=repository,
            remote_repos={"mirror": self.mirror.rstrip("/")} if self.mirror else None,
            timeout=_TIMEOUT_S,
        )
        path: Any = maven.create_dependency(jar.coordinate).artifact.resolve()
        self._show(jar, jar.size)
        return Path(path)

    def _show(self, jar: Jar, count: int) -> None:
        if self.stop.is_set() or self._failed.is_set():
            raise _GivenUp
        self.meter.show(jar.filename, count)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def in_short(error: Exception) -> str:
    """A failed download in a few words; what requests says by itself fills a screen."""
    from requests import exceptions

    known: list[tuple[type[Exception], str]] = [
        (exceptions.ProxyError, "the proxy refused"),
        (exceptions.SSLError, "the repository's TLS certificate is not trusted here"),
        (exceptions.Timeout, "the repository took too long"),
        (exceptions.ChunkedEncodingError, "the connection broke"),
        (exceptions.ConnectionError, "no connection to the repository"),
        (exceptions.RequestException, "the request failed"),
        (RuntimeError, "the repository did not have it or was too busy"),
    ]
    return next((text for kind, text in known if isinstance(error, kind)), str(error) or type(error).__name__)
