"""JSON schemas of the types that travel. They quote the docstring of each type and the comment behind each field."""

import inspect
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any

import msgspec
from msgspec.inspect import Field, Type, multi_type_info

Schema = dict[str, Any]
WHERE = "#/components/schemas/"  # in both kinds of documents

_RULE = re.compile(r"=+(?: +=+)+")  # above, below and in a table of reStructuredText
_JSON_NULL = re.compile(r"\bNone\b")


def schemas(types: Iterable[Any]) -> tuple[list[Schema], dict[str, Schema]]:
    """The schema of each type, and those of all types with a name that they need, by name.

    They are of JSON Schema 2020-12, the dialect of OpenAPI 3.1.
    """
    asked = list(types)
    found, named = msgspec.json.schema_components(asked, ref_template=WHERE + "{name}")
    for kind in _classes(multi_type_info(asked)):
        schema = named.get(kind.__name__) or named[f"{kind.__module__}.{kind.__qualname__}"]
        if issubclass(kind, Enum):
            schema.pop("enum")
            schema["oneOf"] = members(kind)
        else:
            for field, text in comments(kind).items():
                if about := schema["properties"].get(_sent_as(kind).get(field, field)):
                    about["description"] = text
        if kind.__doc__:
            schema["description"] = commonmark(kind.__doc__)
    return list(found), named


def draft_07(schema: Any) -> Any:
    """The same schema in the dialect of AsyncAPI 3.0, JSON Schema draft 07, where a tuple is written otherwise."""
    if isinstance(schema, list):
        return [draft_07(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    plain = {key: draft_07(value) for key, value in schema.items()}
    if "prefixItems" in plain:
        plain["additionalItems"] = plain.pop("items", True)
        plain["items"] = plain.pop("prefixItems")
    return plain


def members(kind: type[Enum]) -> list[Schema]:
    """Each value of an enumeration with its words for people, and with the comment behind it."""
    remarks = comments(kind)
    found = []
    for each in kind:
        remark = {"description": remarks[each.name]} if each.name in remarks else {}
        found.append({"const": each.value, "title": getattr(each, "words", str(each.value)), **remark})
    return found


@cache
def comments(kind: Any) -> Mapping[str, str]:
    """The comments on the lines of a class's fields, by the field's name."""
    found: dict[str, str] = {}
    lines: dict[int, str] = {}  # by line, the name at its beginning
    for token in tokenize.generate_tokens(io.StringIO(inspect.getsource(kind)).readline):
        if token.type == tokenize.NAME:
            lines.setdefault(token.start[0], token.string)
        elif token.type == tokenize.COMMENT and token.start[0] in lines and "noqa" not in token.string:
            found[lines[token.start[0]]] = _JSON_NULL.sub("null", token.string.lstrip("# "))
    return found


def commonmark(docstring: str) -> str:
    """A docstring as CommonMark, with its tables in the form that GitHub introduced."""
    text: list[str] = []
    starts: list[int] = []  # of the columns of the table
    rules = 0  # of the table, so far
    for line in _JSON_NULL.sub("null", inspect.cleandoc(docstring)).splitlines():
        if not _RULE.fullmatch(line):
            text.append(_row(line, starts) if rules else line)
            continue
        rules = (rules + 1) % 3
        if rules == 1:
            starts = [found.start() for found in re.finditer("=+", line)]
        elif rules == 2:
            text.append("|" + " --- |" * len(starts))
    return "\n".join(text)


def _row(line: str, starts: list[int]) -> str:
    ends = [*starts[1:], None]
    return f"| {' | '.join(line[start:end].strip() for start, end in zip(starts, ends, strict=True))} |"


def _classes(info: Any) -> Iterator[Any]:
    """The classes with a name in what msgspec knows of types."""
    waiting, seen = [info], set()
    while waiting:
        each = waiting.pop()
        if isinstance(each, list | tuple):
            waiting += each
        elif isinstance(each, Type | Field):
            kind = getattr(each, "cls", None)
            if kind in seen:
                continue
            if kind:
                seen.add(kind)
                yield kind
            waiting += [getattr(each, name) for name in each.__struct_fields__]


def _sent_as(kind: Any) -> dict[str, str]:
    """By field, the name under which a Struct sends it."""
    if not issubclass(kind, msgspec.Struct):
        return {}
    return dict(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))
