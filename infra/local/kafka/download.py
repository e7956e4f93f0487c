"""Downloads jars from a Maven repository, several at once, and keeps only those whose SHA-256 is right."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from infra.local.kafka.lockfile import LOCK, Jar
from infra.local.kafka.progress import DownloadProgress
from models.storage import is_of_disk, sha256

RETRY_WAIT_S = 0.5  # longer before each further attempt
_AT_ONCE = 8
_ATTEMPTS = 3
_TIMEOUT_S = 15


class DownloadFailed(Exception):
    """A jar could not be downloaded; the message names it and gives the reason."""


class _Stopped(Exception):
    pass


@dataclass
class JarDownload:
    """One run. Downloads go to `incoming`; verified jars move into `folder`, which is on the same file system.

    Setting `stop` ends the run. `mirror` is the URL of a Maven repository, None for jgo's default.
    """

    incoming: Path
    folder: Path
    progress: DownloadProgress
    stop: threading.Event
    mirror: str | None = None
    _failed: threading.Event = field(default_factory=threading.Event)

    def run(self, jars: Sequence[Jar]) -> None:
        """Download all `jars`.

        Raises:
            DownloadFailed: for the first jar that cannot be downloaded.
            OSError: a folder cannot be written.
        """
        largest_first = sorted(jars, key=lambda jar: -jar.size)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                for done in as_completed([pool.submit(self._fetch, jar) for jar in largest_first]):
                    done.result()
            except BaseException:
                self._failed.set()
                pool.shutdown(cancel_futures=True)
                raise

    def _fetch(self, jar: Jar) -> None:
        """Download one jar, with retries, and move it into `folder`."""
        reason = ""
        for attempt in range(_ATTEMPTS):
            self._failed.wait(RETRY_WAIT_S * attempt)
            try:
                self._report(jar, 0)
                path = self._download(jar, self.incoming / str(attempt))
            except _Stopped:
                raise DownloadFailed(f"{jar.filename} was not complete when the download was stopped") from None
            except (OSError, RuntimeError, AssertionError) as error:
                if is_of_disk(error):
                    raise
                reason = describe(error)
                continue
            digest = sha256(path)
            if digest == jar.sha256:
                path.replace(self.folder / jar.filename)
                return
            path.unlink()
            reason = (
                f"the downloaded file has SHA-256 {digest[:12]}…, not {jar.sha256[:12]}… as in {LOCK.name}, "
                "and was deleted"
            )
        raise DownloadFailed(f"{jar.filename} could not be fetched: {reason}")

    def _download(self, jar: Jar, repository: Path) -> Path:
        from jgo.maven import MavenContext, PythonResolver

        # jgo writes files in place and takes an existing file for complete, so each attempt has its own folder.
        # A download of an exact version touches only its own file, so each jar can have its own thread.
        @contextlib.contextmanager
        def progress(_filename: str, _size: int) -> Iterator[Callable[[int], None]]:
            count = 0

            def advance(length: int) -> None:
                nonlocal count
                count += length
                self._report(jar, count)

            yield advance

        maven = MavenContext(
            PythonResolver(progress_callback=progress),
            repo_cache=repository,
            remote_repos={"mirror": self.mirror.rstrip("/")} if self.mirror else None,
            timeout=_TIMEOUT_S,
        )
        path = Path(maven.create_dependency(jar.coordinate).artifact.resolve())
        self._report(jar, jar.size)
        return path

    def _report(self, jar: Jar, count: int) -> None:
        if self.stop.is_set() or self._failed.is_set():
            raise _Stopped
        self.progress.update(jar.filename, count)


def describe(error: Exception) -> str:
    """A short reason for a failed download. The messages of requests are many lines long."""
    from requests import exceptions

    known: list[tuple[type[Exception], str]] = [
        (exceptions.ProxyError, "the proxy refused the connection"),
        (exceptions.SSLError, "the repository's TLS certificate is not trusted here"),
        (exceptions.Timeout, "the repository did not answer in time"),
        (exceptions.ChunkedEncodingError, "the connection broke"),
        (exceptions.ConnectionError, "no connection to the repository"),
        (exceptions.RequestException, "the request failed"),
        (RuntimeError, "the repository did not have it or was too busy"),
    ]
    return next((text for kind, text in known if isinstance(error, kind)), str(error) or type(error).__name__)
