"""Schemas say what docstrings and comments say."""

from enum import StrEnum

import msgspec
from jsonschema import Draft7Validator, Draft202012Validator

from streams.contract.outcomes import Outcome
from web.contracts.schemas import commonmark, draft_07, members, schemas


class Pair(msgspec.Struct):
    """Two numbers.

    They are never ``None``.
    """

    one: int  # the first; None never
    other: float = msgspec.field(default=0.0, name="second")  # the other
    plain: tuple[int, str] = (1, "")


class Colour(StrEnum):
    """A colour."""

    RED = "red"  # warm
    BLUE = "blue"


def test_a_type_has_its_docstring_and_each_field_the_comment_behind_it() -> None:
    (reference,), named = schemas([Pair])
    assert reference == {"$ref": "#/components/schemas/Pair"}
    assert named["Pair"]["description"] == "Two numbers.\n\nThey are never ``null``."
    properties = named["Pair"]["properties"]
    assert (properties["one"]["description"], properties["second"]["description"]) == (
        "the first; null never",
        "the other",
    )
    assert "description" not in properties["plain"]


def test_an_enumeration_has_its_values_in_order_with_words_and_comments() -> None:
    assert members(Colour) == [
        {"const": "red", "title": "red", "description": "warm"},
        {"const": "blue", "title": "blue"},
    ]
    shown = members(Outcome)
    assert [each["const"] for each in shown] == list(Outcome)
    assert [each["title"] for each in shown] == [each.words for each in Outcome]


def test_a_tuple_is_the_same_in_both_dialects() -> None:
    (schema,), _ = schemas([tuple[int, str]])
    for value, is_valid in (([1, "a"], True), (["a", 1], False), ([1, "a", 2], False), ([1], False)):
        assert Draft202012Validator(schema).is_valid(value) == is_valid
        assert Draft7Validator(draft_07(schema)).is_valid(value) == is_valid


def test_a_table_of_a_docstring_is_a_table_in_commonmark() -> None:
    docstring = """Above.

    ====  =========
    name  meaning
    ====  =========
    a     the first
    bb    the other
    ====  =========

    Below.
    """
    assert commonmark(docstring).splitlines() == [
        "Above.",
        "",
        "| name | meaning |",
        "| --- | --- |",
        "| a | the first |",
        "| bb | the other |",
        "",
        "Below.",
    ]
