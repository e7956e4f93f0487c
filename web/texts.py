"""The texts of the pages in several languages.

English text stands in the code: ``t("…")`` in JavaScript, ``{{ _("…") }}`` in templates. The other languages stand in
``web/locale/LANGUAGE.po``, in the format of GNU gettext. A text that has no translation is shown in English.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po
from starlette.requests import Request

LOCALE = Path(__file__).parent / "locale"
LANGUAGES = {"en": "English", "de": "Deutsch"}  # code -> its name in itself, the default first
DEFAULT = next(iter(LANGUAGES))
CHOICE = "lang"  # the query parameter, and the cookie, that hold a person's choice


@cache
def translations(language: str) -> Mapping[str, str]:
    """The texts of a language, by the English text. English has none."""
    if language == DEFAULT:
        return {}
    with (LOCALE / f"{language}.po").open("rb") as file:
        return {str(each.id): str(each.string) for each in read_po(file) if each.id and each.string}


def language_of(request: Request) -> str:
    """The language of the answer to a request: what the person chose, else what the browser prefers."""
    for chosen in (request.query_params.get(CHOICE), request.cookies.get(CHOICE)):
        if chosen in LANGUAGES:
            return str(chosen)
    return preferred(request.headers.get("accept-language", ""))


def preferred(accept_language: str) -> str:
    """The language that a header Accept-Language (RFC 9110, section 12.5.4) likes best, of those that there are."""
    ranked: list[tuple[float, str]] = []
    for part in accept_language.split(","):
        name, _, quality = part.partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        ranked.append((-weight, name.strip().lower().partition("-")[0]))
    known = (
        language for weight, language in sorted(ranked, key=lambda each: each[0]) if language in LANGUAGES and weight
    )
    return next(known, DEFAULT)
