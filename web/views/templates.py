"""The HTML of the pages, made from the templates in ``web/templates``, in the language of the request."""

from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from web import TEMPLATES
from web.texts import CHOICE, LANGUAGES, language_of, translations
from web.views.static_files import modules_of, version

YEAR_S = 365 * 24 * 3600


def html(
    request: Request, name: str, status_code: int = 200, headers: Mapping[str, str] | None = None, **context: str
) -> HTMLResponse:
    """The answer with the page ``name``. Raises what ``render`` raises."""
    response = HTMLResponse(render(request, name, **context), status_code, headers)
    response.headers["Content-Language"] = language_of(request)
    response.headers["Vary"] = "Accept-Language, Cookie"
    if (chosen := request.query_params.get(CHOICE)) in LANGUAGES:
        path = str(request.scope["root_path"]) or "/"
        response.set_cookie(CHOICE, str(chosen), max_age=YEAR_S, path=path, httponly=True, samesite="lax")
    return response


def render(request: Request, name: str, **context: str) -> str:
    """The template ``name`` as HTML, with the values of ``context`` escaped.

    Raises:
        jinja2.TemplateNotFound: there is no such template.
        jinja2.UndefinedError: the template needs a value that is not in ``context``.
    """
    language = language_of(request)
    others = {code: own_name for code, own_name in LANGUAGES.items() if code != language}
    template = environment(language).get_template(name)
    root = root_address(request)
    return template.render(
        context,
        root=root,
        static=f"{root}static/{version()}/",
        version=version(),
        modules_of=modules_of,
        language=language,
        other_languages=others,
        texts=translations(language),
    )


@cache
def environment(language: str) -> Environment:
    """The templates with their texts in this language."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    known = translations(language)
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        gettext=lambda text: known.get(text, text),
        ngettext=lambda one, many, number: known.get(one if number == 1 else many, one if number == 1 else many),
        newstyle=True,
    )
    return environment


def root_address(request: Request) -> str:
    """The address of the gateway's root, for links in the page that is asked for.

    It is relative, because a proxy may have stripped a path without a word; it is not where that path is known, since
    the browser may then be at that path without a slash at its end.
    """
    root_path, path = str(request.scope["root_path"]), str(request.scope["path"])
    return f"{root_path}/" if root_path else "../" * (path.count("/") - 1)
