"""The HTML of the pages."""

import re

import pytest
from jinja2 import UndefinedError

from web import STATIC
from web.views.templates import render

PAGES = {"index.html": "", "ops.html": "", "signin.html": "", "stats.html": "../", "nothing.html": "../"}
NOT_OURS = "vendor/chart.js"  # served from another package


def html(name: str) -> str:
    return render(name, error="") if name == "signin.html" else render(name)


@pytest.mark.parametrize(("name", "root"), PAGES.items())
def test_every_address_in_a_page_is_relative_and_every_file_is_there(name: str, root: str) -> None:
    addresses = re.findall(r'(?:href|src)="([^"]+)"', html(name))
    assert len(addresses) >= 4
    assert not [each for each in addresses if each.startswith(("/", "http"))]
    files = [each.removeprefix(f"{root}static/") for each in addresses if "static/" in each]
    assert [each for each in files if each != NOT_OURS and not (STATIC / each).is_file()] == []


@pytest.mark.parametrize("name", PAGES)
def test_only_the_camera_page_may_be_listed_by_search_engines(name: str) -> None:
    assert ('content="noindex"' in html(name)) == (name != "index.html")


def test_values_are_escaped() -> None:
    assert "&lt;b&gt;wrong&lt;/b&gt;" in render("signin.html", error="<b>wrong</b>")


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("signin.html")
