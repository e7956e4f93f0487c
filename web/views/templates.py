"""The HTML of the pages, made from the templates in ``web/templates``."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

TEMPLATES = Environment(
    loader=PackageLoader("web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def render(name: str, **context: str) -> str:
    """The template ``name`` as HTML, with the values of ``context`` escaped.

    Raises:
        jinja2.TemplateNotFound: there is no such template.
        jinja2.UndefinedError: the template needs a value that is not in ``context``.
    """
    return TEMPLATES.get_template(name).render(context) if context else _without_context(name)


@cache
def _without_context(name: str) -> str:
    return TEMPLATES.get_template(name).render()
