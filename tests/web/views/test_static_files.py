"""The files of the pages: kept by browsers, compressed, and there for pages of another version."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from streams.contract.settings import Settings
from tests.fakes.gateway import EmptyStatsReader, InstantBroker
from web import STATIC
from web.app import create_app
from web.views.static_files import FOR_EVER, LIBRARIES, hash_of, modules_of, version

MODULE = "webcam/page.js"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(operator_token="t" * 16), InstantBroker, EmptyStatsReader)) as client:
        yield client


@pytest.mark.parametrize("name", [MODULE, "shared/page.css", "favicon.svg", "samples/cat.jpg", *LIBRARIES])
def test_a_file_with_the_version_is_kept_for_ever(client: TestClient, name: str) -> None:
    response = client.get(f"/static/{version()}/{name}")
    assert (response.status_code, response.headers["cache-control"]) == (200, FOR_EVER)
    if name not in LIBRARIES:
        assert response.content == (STATIC / name).read_bytes()
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("prefix", ["", "0123456789ab/"], ids=["none", "another"])
@pytest.mark.parametrize("name", [MODULE, "files/tiff.js", *LIBRARIES])
def test_a_page_of_another_version_gets_the_file_and_does_not_keep_it(
    client: TestClient, prefix: str, name: str
) -> None:
    response = client.get(f"/static/{prefix}{name}")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-cache")
    assert response.content == client.get(f"/static/{version()}/{name}").content


@pytest.mark.parametrize(
    "path", ["nothing.js", "files", "", "../app.py", "%2e%2e/app.py", "..%2fapp.py", "vendor", "a" * 300, "%00"]
)
@pytest.mark.parametrize("prefix", ["", "0123456789ab/", "VERSION/"])
def test_what_is_no_file_of_the_pages_is_not_found_and_that_is_not_kept(
    client: TestClient, path: str, prefix: str
) -> None:
    response = client.get(f"/static/{prefix.replace('VERSION', version())}{path}")
    assert (response.status_code, response.headers["cache-control"]) == (404, "no-cache")


@pytest.mark.parametrize("name", [MODULE, *LIBRARIES, "shared/page.css", "favicon.svg"])
def test_text_is_compressed_where_the_browser_can_read_it(client: TestClient, name: str) -> None:
    address = f"/static/{version()}/{name}"
    small = client.get(address, headers={"Accept-Encoding": "gzip, br"})
    whole = client.get(address, headers={"Accept-Encoding": "identity"})
    assert (small.headers["content-encoding"], small.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert "content-encoding" not in whole.headers
    assert small.content == whole.content  # the client has unpacked it


@pytest.mark.parametrize("name", ["samples/cat.jpg", "thumbnails/cat.jpg"])
def test_pictures_are_sent_as_they_are_and_in_parts(client: TestClient, name: str) -> None:
    response = client.get(f"/static/{version()}/{name}", headers={"Range": "bytes=2-5"})
    assert (response.status_code, "content-encoding" in response.headers) == (206, False)
    assert response.content == (STATIC / name).read_bytes()[2:6]


@pytest.mark.parametrize("prefix", ["", "VERSION/"])
def test_a_file_that_the_browser_has_is_not_sent_again(client: TestClient, prefix: str) -> None:
    address = f"/static/{prefix.replace('VERSION', version())}{MODULE}"
    tag = client.get(address).headers["etag"]
    response = client.get(address, headers={"If-None-Match": tag})
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["cache-control"] == (FOR_EVER if prefix else "no-cache")


def test_its_head_can_be_asked_for_and_nothing_be_sent(client: TestClient) -> None:
    address = f"/static/{version()}/{MODULE}"
    head = client.head(address)
    assert (head.status_code, head.content, head.headers["cache-control"]) == (200, b"", FOR_EVER)
    assert client.post(address).status_code == 405


@pytest.mark.parametrize("path", ["/", "/ops", "/stats/abc"])
def test_pages_are_compressed_and_asked_for_each_time(client: TestClient, path: str) -> None:
    response = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert (response.headers["content-encoding"], response.headers["cache-control"]) == ("gzip", "no-cache")
    assert "Accept-Encoding" in response.headers["vary"]


@pytest.mark.parametrize("path", ["/api/ops", "/api/sessions", "/healthz", "/metrics"])
def test_answers_that_may_hold_secrets_are_not_compressed(client: TestClient, path: str) -> None:
    headers = {"Accept-Encoding": "gzip", "Authorization": f"Bearer {'t' * 16}"}
    response = client.get(path, headers=headers)
    assert (response.status_code, "content-encoding" in response.headers) == (200, False)


def test_the_hash_is_of_names_and_contents_and_of_nothing_else(tmp_path: Path) -> None:
    one, other = tmp_path / "one.js", tmp_path / "other.js"
    one.write_text("1")
    other.write_text("1")
    first = hash_of({"a.js": one, "b.js": one})
    assert hash_of({"b.js": other, "a.js": other}) == first
    assert hash_of({"a.js": one, "c.js": one}) != first
    other.write_text("2")
    assert hash_of({"a.js": one, "b.js": other}) != first


def test_the_modules_that_a_page_needs_at_its_start_are_known_and_no_others() -> None:
    needed = modules_of(MODULE)
    assert needed[0] == MODULE
    assert {"stream/socket.js", "shared/texts.js", "webcam/preview.js"} <= set(needed)
    assert not {"files/tiff.js", "files/picture_metadata.js", "stats/stats.js", "shared/charts.js"} & set(needed)
    assert len(needed) == len(set(needed))


def test_the_page_names_them_all_so_that_they_are_loaded_at_once(client: TestClient) -> None:
    page = client.get("/").text
    for name in modules_of(MODULE)[1:]:
        assert f'<link rel="modulepreload" href="static/{version()}/{name}">' in page
