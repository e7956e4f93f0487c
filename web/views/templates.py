"""The HTML of the pages, made from the templates in ``web/templates``."""

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request

TEMPLATES = Environment(
    loader=PackageLoader("web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def render(request: Request, name: str, **context: str) -> str:
    """The template ``name`` as HTML, with the values of ``context`` escaped.

    Raises:
        jinja2.TemplateNotFound: there is no such template.
        jinja2.UndefinedError: the template needs a value that is not in ``context``.
    """
    return TEMPLATES.get_template(name).render(context, root=root_address(request))


def root_address(request: Request) -> str:
    """The address of the gateway's root, for links in the page that is asked for.

    It is relative, because a proxy may have stripped a path without a word; it is not where that path is known, since
    the browser may then be at that path without a slash at its end.
    """
    root_path, path = str(request.scope["root_path"]), str(request.scope["path"])
    return f"{root_path}/" if root_path else "../" * (path.count("/") - 1)
