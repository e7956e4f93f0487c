"""The texts of the pages in several languages: every text of the code is in the table, and is translated."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract
from starlette.requests import Request

import models.pictures
from web import STATIC, TEMPLATES
from web.texts import DEFAULT, LANGUAGES, LOCALE, language_of, preferred, translations

OTHERS = sorted(LANGUAGES.keys() - {DEFAULT})
SAID = "aria-label|aria-description|aria-roledescription|aria-valuetext|title|alt|placeholder"  # attributes with text
META = r'<meta (?:name="description"|property="og:\w+") content'
SAME_EVERYWHERE = re.compile(
    r"\b(Sightstream|API|OpenAPI|AsyncAPI|HTTP|ms|fps|KB|JSON|CSV|p50|p95|p99)\b"
)  # names and units
VALUE = re.compile(r"\{\w+\}|%\(\w+\)s")  # a value's place in a text, in JavaScript and in templates


def texts_in_code() -> Iterator[str]:
    """Every text of modules and templates that is to be translated."""
    for module in STATIC.rglob("*.js"):
        yield from (str(each[1]) for each in extract_from_file("javascript", str(module), keywords={"t": None}))
    yield from words_about_files()
    for template in TEMPLATES.glob("*.html"):
        with template.open("rb") as file:
            options = {"trimmed": "true", "silent": "false", "newstyle_gettext": "true"}
            for _, _, text, _ in babel_extract(file, ["_"], [], {"extensions": "jinja2.ext.i18n", **options}):
                yield str(text[0] if isinstance(text, tuple) else text)  # a text with values is a tuple


def words_about_files() -> Iterator[str]:
    """What is said about files that are not read, of pictures and, where a video may be such a file, of videos."""
    table = json.loads((Path(models.pictures.__file__).parent / "kinds.json").read_text(encoding="utf-8"))
    yield from table["sentences"].values()
    for each in table["kinds"]:
        if refused := each.get("refused"):
            yield refused
            if each["kind"] not in ("video", "sound") and not each.get("suffixes"):
                yield refused.replace("picture", "video")


def words_outside_texts(template: str) -> list[str]:
    """The words that a template shows, or says to screen readers, without looking them up."""
    kept = [each for each in re.findall(r'\{% set \w+ = "([^"]*)"', template) if not re.fullmatch(r"[a-z_/]+", each)]
    source = re.sub(r"\{#.*?#\}|\{%.*?%\}|<!--.*?-->|<(script|style)\b.*?</\1>", "", template, flags=re.DOTALL)
    said = [each[-1] for each in re.findall(rf'(?:\s({SAID})|{META})="([^"]*)"', source)]
    shown = re.sub(r"<[^>]*>", "\n", source).splitlines()
    plain = [re.sub(r"\{\{.*?\}\}", "", each).strip() for each in [*kept, *said, *shown]]
    return [each for each in plain if re.search(r"[^\W\d_]{2}", SAME_EVERYWHERE.sub("", each))]


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


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.html")), ids=lambda template: template.stem)
def test_no_template_shows_words_that_are_not_in_the_table(template: Path) -> None:
    assert words_outside_texts(template.read_text()) == []


def test_words_outside_the_table_are_found() -> None:
    template = """{% set title = _("Known") %} {% set state = "Loading…" %} {% set module = "webcam/page" %}
      {# a remark #} <script>let code;</script>
      <meta name="description" content="All of it"> <meta name="robots" content="noindex">
      <p class="name" title="A hint">{{ _("Known") }} and not</p> <img alt=""> <b>–</b> <i>12 frames</i> <i>12 ms</i>
      <button aria-label="{{ _("Known") }}">Press</button>"""
    assert words_outside_texts(template) == ["Loading…", "All of it", "A hint", "and not", "12 frames", "Press"]
