"""The OpenAPI document of the gateway's HTTP interface, made from its routes, its views and their types."""

import re
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from starlette.routing import BaseRoute, Mount, Route

from web.contracts.answers import Answer, Contract, contract_of
from web.contracts.schemas import commonmark, schemas
from web.security.operator_auth import COOKIE

ABOUT = """The gateway of Sightstream: real-time image classification.

Frames go up and labels come back over the WebSocket `/ws`, which the AsyncAPI document beside this one describes.
Other addresses answer with status 404, other methods with 405, both as plain text."""
PARAMETERS = {
    "session": "The id of a session. It is secret: whoever has it may read the session's statistics.",
    "path": "The path of the file, with or without the version that pages put before it.",
}
OPERATOR: list[dict[str, list[str]]] = [{"token": []}, {"cookie": []}]

Operation = tuple[str, str, Any, Contract]  # its path, method and view


def operations(routes: Sequence[BaseRoute]) -> Iterator[Operation]:
    """Every operation of these routes.

    Raises:
        LookupError: a view says nothing of its answers.
    """
    for route in routes:
        if isinstance(route, Mount):
            found = [(f"{route.path}/{{path}}", "get", _without_middleware(route.app))]
        elif isinstance(route, Route):
            methods = sorted((route.methods or set()) - {"HEAD"})
            found = [(re.sub(r":\w+}", "}", route.path), method.lower(), route.endpoint) for method in methods]
        else:
            continue
        for path, method, view in found:
            if (contract := contract_of(view)) is None:
                raise LookupError(f"{path} has a view without @answers: {view}")
            yield path, method, view, contract


def _without_middleware(app: Any) -> Any:
    while hasattr(app, "app"):
        app = app.app
    return app


def openapi(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The document of an app with these ``routes``. Whoever serves it adds the address of the app's root.

    Raises:
        LookupError: a view says nothing of its answers.
    """
    found = list(operations(routes))
    types = list(dict.fromkeys(kind for *_, contract in found for kind in _types(contract)))
    shown, named = schemas(types)
    schema_of = dict(zip(types, shown, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    tags: dict[str, str] = {}
    for path, method, view, contract in found:
        tag = view.__module__.rpartition(".")[2].replace("_", " ")
        tags[tag] = commonmark(sys.modules[view.__module__].__doc__ or "")
        paths.setdefault(path, {})[method] = _operation(path, view, contract, tag, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sightstream, HTTP",
            "version": version("sightstream"),
            "description": ABOUT,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": name, "description": text} for name, text in tags.items()],
        "paths": paths,
        "components": {
            "schemas": named,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "The operator's token."},
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": "Given for the token by `POST /ops`.",
                },
            },
        },
    }


def _types(contract: Contract) -> list[Any]:
    """The types of the bodies in a contract."""
    return [
        each for each in (contract.form, *(answer.content for answer in contract.answers)) if isinstance(each, type)
    ]


def _operation(path: str, view: Any, contract: Contract, tag: str, schema_of: dict[Any, Any]) -> dict[str, Any]:
    summary, _, more = commonmark(view.__doc__ or "").partition("\n")
    parameters = [
        {"name": name, "in": "path", "required": True, "description": PARAMETERS[name], "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]
    if contract.query:
        properties = schemas([contract.query])[1][contract.query.__name__]["properties"]
        for name, schema in properties.items():
            about = schema.pop("description", "")
            parameters.append({"name": name, "in": "query", "description": about, "schema": schema})
    operation: dict[str, Any] = {
        "tags": [tag],
        "summary": summary.rstrip("."),
        "operationId": f"{tag.replace(' ', '_')}_{getattr(view, '__name__', type(view).__name__)}",
        "parameters": parameters,
        "responses": {},
    }
    if more.strip():
        operation["description"] = more.strip()
    if contract.operators_only:
        operation["security"] = OPERATOR
    if contract.form:
        form = {"application/x-www-form-urlencoded": {"schema": schema_of[contract.form]}}
        operation["requestBody"] = {"required": True, "content": form}
    for each in contract.answers:
        operation["responses"][str(each.status)] = _response(each, schema_of)
    return operation


def _response(answer: Answer, schema_of: dict[Any, Any]) -> dict[str, Any]:
    response: dict[str, Any] = {"description": answer.when}
    if answer.headers:
        response["headers"] = {name: {"schema": {"type": "string"}, "required": True} for name in answer.headers}
    if isinstance(answer.content, str):
        response["content"] = {answer.content: {}}
    elif answer.content is not None:
        response["content"] = {"application/json": {"schema": schema_of[answer.content]}}
    return response
