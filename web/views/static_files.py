"""The files of the pages. Their addresses hold a hash of all of them, so browsers keep them until one has changed."""

import hashlib
import os
import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from web import STATIC
from web.contracts.answers import Answer, answers

CHARTS = "vendor/chart.js"
LIBRARIES = {  # what pages need of other projects: its name here, the package that ships it, and where
    CHARTS: ("chartkick", "django/static/chartkick/Chart.bundle.js"),
    "vendor/swagger-ui.js": ("swagger_ui_bundle", "vendor/swagger-ui-*/swagger-ui-bundle.js"),
    "vendor/swagger-ui.css": ("swagger_ui_bundle", "vendor/swagger-ui-*/swagger-ui.css"),
    "vendor/asyncapi-viewer.js": ("asyncapi_viewer", "static/asyncapi-viewer.js"),
}
FOR_EVER = "public, max-age=31536000, immutable"
COMPRESSED = [Middleware(GZipMiddleware, minimum_size=200, compresslevel=6)]  # not for JSON, which may hold secrets

_VERSION = re.compile(r"[0-9a-f]{12}")
_STATIC_IMPORT = re.compile(r"""^(?:import|export)\b[^"'();]*["'](\.[^"']+)["']""", re.MULTILINE)


@cache
def version() -> str:
    """The hash of all files, as they were when it was first asked for."""
    files = {each.relative_to(STATIC).as_posix(): each for each in STATIC.rglob("*") if each.is_file()}
    return hash_of({**files, **libraries()})


def hash_of(files: Mapping[str, Path]) -> str:
    """A short hash of the names and contents of files."""
    content = hashlib.sha256()
    for name, path in sorted(files.items()):
        content.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    return content.hexdigest()[:12]


@answers(
    Answer(200, "The file.", "*/*", headers=("ETag",)),
    Answer(206, "The part of the file that the request has asked for.", "*/*", headers=("Content-Range",)),
    Answer(304, "The browser has the file."),
    Answer(404, "There is no such file.", "text/plain"),
)
class VersionedFiles(StaticFiles):
    """Serves ``PATH`` and ``VERSION/PATH`` from the folder of the pages' files, and the libraries of other projects.

    Only with the version of this gateway may a browser keep the file without asking again. With another one it is the
    same file: a page that was loaded before an upgrade may still ask for a module, and while several gateways are
    upgraded, a new page may ask an old one.
    """

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or 304 where the browser has it."""
        first, _, rest = path.replace(os.sep, "/").partition("/")
        if not _VERSION.fullmatch(first):
            return await super().get_response(path, scope)
        response = await super().get_response(rest, scope)
        if first == version():
            response.headers["Cache-Control"] = FOR_EVER
        return response

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """The file's path, and what the file system says of it."""
        if library := libraries().get(path.replace(os.sep, "/")):
            return str(library), library.stat()
        return super().lookup_path(path)


@cache
def libraries() -> dict[str, Path]:
    """The files of ``LIBRARIES`` by their name here."""
    return {name: library(package, pattern) for name, (package, pattern) in LIBRARIES.items()}


def library(package: str, pattern: str) -> Path:
    """The only file of a package whose path fits the pattern."""
    found = find_spec(package)
    assert found and found.origin, f"the package {package} is missing: pip install 'sightstream[gateway]'"
    (path,) = Path(found.origin).parent.glob(pattern)
    return path


@cache
def modules_of(entry: str) -> tuple[str, ...]:
    """All modules that the module ``entry`` needs before it can start, itself first; names as ``webcam/page.js``."""
    names = [entry]
    for name in names:  # it grows
        path = STATIC / name
        for found in _STATIC_IMPORT.findall(path.read_text()):
            needed = Path(os.path.normpath(path.parent / found)).relative_to(STATIC).as_posix()
            if needed not in names:
                names.append(needed)
    return tuple(names)


routes = [Mount("/static", VersionedFiles(), middleware=COMPRESSED)]
