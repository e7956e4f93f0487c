"""The texts of the pages in several languages: every text of the code is in the table, and is translated."""

import re
from collections.abc import Iterator

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract
from starlette.requests import Request

from web import STATIC, TEMPLATES
from web.texts import DEFAULT, LANGUAGES, LOCALE, language_of, preferred, translations

OTHERS = sorted(LANGUAGES.keys() - {DEFAULT})
VALUE = re.compile(r"\{\w+\}|%\(\w+\)s")  # a value's place in a text, in JavaScript and in templates


def texts_in_code() -> Iterator[str]:
    """Every text of modules and templates that is to be translated."""
    for module in STATIC.rglob("*.js"):
        yield from (str(each[1]) for each in extract_from_file("javascript", str(module), keywords={"t": None}))
    for template in TEMPLATES.glob("*.html"):
        with template.open("rb") as file:
            options = {"trimmed": "true", "silent": "false", "newstyle_gettext": "true"}
            for _, _, text, _ in babel_extract(file, ["_"], [], {"extensions": "jinja2.ext.i18n", **options}):
                yield str(text)


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_of_the_code_is_translated_and_no_translation_is_left_over(language: str) -> None:
    assert set(texts_in_code()) == translations(language).keys()


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_same_values(language: str) -> None:
    known = translations(language)
    assert [each for each in known if sorted(VALUE.findall(each)) != sorted(VALUE.findall(known[each]))] == []


@pytest.mark.parametrize("language", OTHERS)
def test_the_table_is_sound(language: str) -> None:
    with (LOCALE / f"{language}.po").open("rb") as file:
        messages = list(read_po(file, abort_invalid=True))[1:]  # the first holds the headers
    assert [each.id for each in messages if each.fuzzy or not each.string] == []


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr-FR, en;q=0.5, de;q=0.7", "de"),
        ("fr", "en"),
        ("de;q=0, en", "en"),
        ("de;q=a lot", "en"),
        ("DE", "de"),
        ("*", "en"),
    ],
)
def test_the_browser_says_which_language_it_prefers(header: str, language: str) -> None:
    assert preferred(header) == language


def test_what_a_person_chose_counts_more() -> None:
    def request(query: str, cookie: str) -> Request:
        headers = [(b"accept-language", b"en"), (b"cookie", cookie.encode())]
        return Request({"type": "http", "query_string": query.encode(), "headers": headers})

    assert language_of(request("", "lang=de")) == "de"
    assert language_of(request("lang=en", "lang=de")) == "en"
    assert language_of(request("lang=xx", "lang=../de")) == "en"
