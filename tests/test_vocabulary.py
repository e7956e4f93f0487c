"""The words for outcomes and hops are written in one place only: streams/contract/outcomes.py."""

import ast
from collections.abc import Iterator

from streams.contract.outcomes import CAPTURED, Hop, Outcome
from tests import ROOT
from tests.test_arrows import modules

WORDS = {CAPTURED, *Hop, *Outcome}
HOME = "streams.contract.outcomes"
COUNTS = {Outcome.ANSWERED, Outcome.EXPIRED, Hop.RECEIVED}  # in a report, the key of a count has the same name
# no frames there: a network may be published, and a picture unreadable
NOT_ABOUT_FRAMES = ("models.", "training.", *(f"infra.commands.{name}" for name in ("models", "train", "evaluate")))
SHOWN_BY = {"Table", "Column", "add_row", "add_column"}  # calls whose arguments are headings for people


def words(source: str) -> Iterator[str]:
    """The outcomes and hops that are written as text in Python code, but for the keys of counts in reports."""
    tree = ast.parse(source)
    allowed: set[ast.AST] = set()
    for node in ast.walk(tree):
        keys: list[ast.AST | None] = []
        if isinstance(node, ast.Dict):
            keys = [*node.keys]
        elif isinstance(node, ast.Subscript):
            keys = [node.slice]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in SHOWN_BY:
            allowed.update(node.args)
        allowed.update(key for key in keys if isinstance(key, ast.Constant) and key.value in COUNTS)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in WORDS and node not in allowed:
            yield f"line {node.lineno}: {node.value!r}"


def test_no_module_writes_an_outcome_or_a_hop_as_text() -> None:
    found = {
        str(path.relative_to(ROOT)): places
        for name, path in modules(ROOT).items()
        if name != HOME and not name.startswith(NOT_ABOUT_FRAMES) and (places := list(words(path.read_text())))
    }
    assert found == {}


def test_an_outcome_written_as_text_is_found() -> None:
    assert list(words('if outcome == "stale":\n    drop(reason="superseded")')) == [
        "line 1: 'stale'",
        "line 2: 'superseded'",
    ]
    assert list(words('times["queued"]')) == ["line 1: 'queued'"]
    assert list(words('{"answered": 1}, report["expired"], Outcome.STALE, "a stale frame"')) == []
