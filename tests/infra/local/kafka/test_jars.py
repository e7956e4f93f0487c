import hashlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from infra.local.kafka import download
from infra.local.kafka.jars import JarsUnavailable, fetch
from infra.local.kafka.lockfile import Jar, locked_jars, read_lock
from models.storage import Unwritable
from tests.fakes.disks import largest_file, small_disk

NAMES = ["first", "second", "third"]
BYTES = {name: name.encode() * 3000 for name in NAMES}
JARS = [Jar(f"org.example:{name}:1.0", len(BYTES[name]), hashlib.sha256(BYTES[name]).hexdigest()) for name in NAMES]


@dataclass
class Repository:
    """A Maven repository on loopback that counts the requests for each file."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    broken: set[str] = field(default_factory=set)
    slow: threading.Event | None = None


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "RETRY_WAIT_S", 0.01)
    repository = Repository(files={f"/org/example/{name}/1.0/{name}-1.0.jar": BYTES[name] for name in NAMES})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            repository.requests[self.path] += 1
            body = repository.files.get(self.path)
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            if repository.slow is not None:
                repository.slow.wait(10)
            if self.path not in repository.broken:
                self.wfile.write(body[len(body) // 2 :])

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    repository.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield repository
    server.shutdown()
    server.server_close()
    thread.join()


def url_path(name: str) -> str:
    return f"/org/example/{name}/1.0/{name}-1.0.jar"


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def test_lock_pins_the_server_and_a_log_binding_of_its_own_log4j() -> None:
    versions = {jar.coordinate.rsplit(":", 1)[0]: jar.coordinate.rsplit(":", 1)[1] for jar in locked_jars()}

    assert versions["org.apache.kafka:kafka_2.13"] == "4.3.1"
    kafka = {version for name, version in versions.items() if name.startswith("org.apache.kafka:")}
    log4j = {version for name, version in versions.items() if name.startswith("org.apache.logging.log4j:")}
    assert (kafka, len(log4j)) == ({"4.3.1"}, 1)
    assert "org.apache.logging.log4j:log4j-slf4j-impl" in versions
    assert all(len(bytes.fromhex(jar.sha256)) == 32 and jar.size > 0 for jar in locked_jars())
    assert len({jar.filename for jar in locked_jars()}) == len(locked_jars()) == len(versions)


def test_lock_lines_and_comments_are_read() -> None:
    assert read_lock("# a comment\n\nab  12  org.x:y_2.13:1.0\n") == [Jar("org.x:y_2.13:1.0", 12, "ab")]


def test_missing_jars_are_fetched_in_the_locks_order_and_no_other_file_is_left(
    repository: Repository, tmp_path: Path
) -> None:
    paths = fetch(tmp_path, jars=JARS, mirror=repository.url)

    assert [path.read_bytes() for path in paths] == [BYTES[name] for name in NAMES]
    assert [path.name for path in (tmp_path / "kafka" / "jars").glob(".incoming-*")] == []


def test_jars_in_the_cache_are_not_fetched_again(repository: Repository, tmp_path: Path) -> None:
    fetch(tmp_path, jars=JARS, mirror=repository.url)
    repository.requests.clear()

    fetch(tmp_path, jars=JARS, mirror=repository.url)

    assert not repository.requests


@pytest.mark.parametrize("damage", [b"", BYTES["second"][:-1], BYTES["second"][:-1] + b"!"])
def test_damaged_jar_in_the_cache_is_named_and_replaced(
    repository: Repository, tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = fetch(tmp_path, jars=JARS, mirror=repository.url)[1]
    damaged.write_bytes(damage)
    repository.requests.clear()

    with caplog.at_level(logging.WARNING):
        fetch(tmp_path, jars=JARS, mirror=repository.url)

    assert damaged.read_bytes() == BYTES["second"]
    assert repository.requests[url_path("second")] == 1
    assert repository.requests[url_path("first")] == 0
    assert str(damaged) in caplog.text


def test_jar_with_another_hash_is_refused_named_and_not_kept(repository: Repository, tmp_path: Path) -> None:
    repository.files[url_path("second")] = b"something else"

    with pytest.raises(JarsUnavailable, match=r"second-1\.0\.jar.*SHA-256.*deleted.*try again") as raised:
        fetch(tmp_path, jars=JARS, mirror=repository.url)

    folder = tmp_path / "kafka" / "jars"
    assert "second-1.0.jar" not in names_in(folder)
    assert str(folder) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_download_that_breaks_off_is_tried_again_and_never_kept(repository: Repository, tmp_path: Path) -> None:
    repository.broken = {url_path("third")}

    with pytest.raises(JarsUnavailable, match=r"third-1\.0\.jar"):
        fetch(tmp_path, jars=JARS, mirror=repository.url)

    assert repository.requests[url_path("third")] == 3
    assert "third-1.0.jar" not in names_in(tmp_path / "kafka" / "jars")


def test_jar_that_the_repository_lacks_is_named(repository: Repository, tmp_path: Path) -> None:
    del repository.files[url_path("first")]

    with pytest.raises(
        JarsUnavailable, match=r"first-1\.0\.jar could not be fetched: the repository did not have it"
    ):
        fetch(tmp_path, jars=JARS, mirror=repository.url)


def test_no_connection_gives_one_line_with_advice(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(JarsUnavailable, match=r"no connection to the repository.*HTTPS_PROXY.*artifacts\.lock"):
        fetch(tmp_path, jars=JARS, mirror="http://127.0.0.1:9")


def test_stop_ends_a_fetch_although_the_repository_hangs(repository: Repository, tmp_path: Path) -> None:
    repository.slow = threading.Event()
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(fetch, tmp_path, None, stop, jars=JARS, mirror=repository.url)
        while repository.requests.total() < len(JARS):
            time.sleep(0.01)

        stop.set()
        repository.slow.set()

        with pytest.raises(JarsUnavailable, match="stopped"):
            running.result(5)
    assert names_in(tmp_path / "kafka" / "jars") == set()


def test_two_fetches_at_the_same_time_fetch_each_jar_once(repository: Repository, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(fetch, tmp_path, jars=JARS, mirror=repository.url) for _ in range(2)]
        assert runs[0].result(10) == runs[1].result(10)

    assert all(repository.requests[url_path(name)] == 1 for name in NAMES)


def test_cache_that_cannot_be_written_is_named(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(Unwritable, match=r"kafka/jars cannot be written .*file is not a folder.*SIGHTSTREAM_CACHE"):
        fetch(tmp_path / "file", jars=JARS, mirror=repository.url)
    assert not repository.requests


def test_disk_that_is_too_small_is_named_before_the_download(repository: Repository, tmp_path: Path) -> None:
    with small_disk(tmp_path / "cache") as cache:
        with pytest.raises(Unwritable, match=r"2\.1 MB are free, 45\.0 MB are needed"):
            fetch(cache, mirror=repository.url)
        assert names_in(cache) == set()
    assert not repository.requests


def test_disk_that_fills_up_is_named_and_the_next_fetch_goes_on(repository: Repository, tmp_path: Path) -> None:
    large = b"large" * 40_000
    repository.files["/org/example/large/1.0/large-1.0.jar"] = large
    jars = [*JARS, Jar("org.example:large:1.0", len(large), hashlib.sha256(large).hexdigest())]
    fetch(tmp_path, jars=JARS, mirror=repository.url)
    with largest_file(100_000), pytest.raises(Unwritable, match=r"kafka/jars cannot be written .*: make room there"):
        fetch(tmp_path, jars=jars, mirror=repository.url)
    assert names_in(tmp_path / "kafka" / "jars") == {f"{name}-1.0.jar" for name in NAMES}

    assert fetch(tmp_path, jars=jars, mirror=repository.url)[-1].read_bytes() == large
    assert repository.requests["/org/example/large/1.0/large-1.0.jar"] == 2
    assert all(repository.requests[url_path(name)] == 1 for name in NAMES)


def test_without_a_terminal_progress_is_a_few_plain_lines(repository: Repository, tmp_path: Path) -> None:
    screen = StringIO()

    fetch(tmp_path, Console(file=screen, width=40), jars=JARS, mirror=repository.url)

    lines = screen.getvalue().splitlines()
    assert lines[0] == "fetching 3 jars of Apache Kafka, 0 MB"
    assert lines[-1].startswith("fetched 3 jars of Apache Kafka in ")
    assert len(lines) <= 5


def test_on_a_terminal_progress_is_a_bar_of_bytes(repository: Repository, tmp_path: Path) -> None:
    screen = StringIO()

    fetch(tmp_path, Console(file=screen, force_terminal=True, width=100), jars=JARS, mirror=repository.url)

    total = sum(map(len, BYTES.values())) / 1000
    assert f"{total:.1f}/{total:.1f} kB" in screen.getvalue()
