"""The HTML of the pages."""

import re
from urllib.parse import urljoin

import pytest
from jinja2 import UndefinedError
from starlette.requests import Request

from web import STATIC
from web.views.static_files import CHARTS, LIBRARIES, version
from web.views.templates import environment, render

PAGES = {
    "index.html": "/",
    "ops.html": "/ops",
    "signin.html": "/ops",
    "stats.html": "/stats/abc",
    "nothing.html": "/stats/abc",
    "docs.html": "/docs",
}
VALUES = {
    "signin.html": {"error": "wrong"},
    "nothing.html": {"missing": "statistics"},
    "docs.html": {"shows": "http"},
}


def request(path: str, root_path: str = "") -> Request:
    return Request(
        {"type": "http", "path": root_path + path, "root_path": root_path, "query_string": b"", "headers": []}
    )


def addresses(page: str) -> list[str]:
    """The addresses in a page, without links to the page itself in another language."""
    return [each for each in re.findall(r'(?:href|src|action)="([^"]+)"', page) if not each.startswith("?")]


def html(name: str, root_path: str = "") -> str:
    return render(request(PAGES[name], root_path), name, **VALUES.get(name, {}))


@pytest.mark.parametrize("name", PAGES)
def test_every_address_in_a_page_is_relative_and_every_file_is_there(name: str) -> None:
    found = addresses(html(name))
    assert len(found) >= 4
    assert not [each for each in found if each.startswith(("/", "http"))]
    seen = [urljoin(f"http://host/vision{PAGES[name]}", each) for each in found]
    assert not [each for each in seen if not each.startswith("http://host/vision/")]
    files = [each.partition(f"/static/{version()}/")[2] for each in seen if "static/" in each]
    assert [each for each in files if each not in LIBRARIES and not (STATIC / each).is_file()] == []


@pytest.mark.parametrize("name", PAGES)
def test_every_address_begins_with_the_root_path_where_it_is_known(name: str) -> None:
    found = addresses(html(name, "/a/b"))
    assert len(found) >= 4
    assert not [each for each in found if not each.startswith("/a/b/")]


def test_a_root_path_is_escaped() -> None:
    page = render(request("/", '/"><script>'), "index.html")
    assert '"><script>' not in page


@pytest.mark.parametrize("name", PAGES)
def test_only_the_camera_page_may_be_listed_by_search_engines(name: str) -> None:
    assert ('content="noindex"' in html(name)) == (name != "index.html")


def test_values_are_escaped() -> None:
    assert environment("en").from_string("{{ value }}").render(value="<b>") == "&lt;b&gt;"


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render(request("/ops"), "signin.html")


@pytest.mark.parametrize("name", PAGES)
def test_the_library_for_charts_is_loaded_only_where_charts_are(name: str) -> None:
    assert (CHARTS in html(name)) == (name in {"stats.html", "ops.html"})
