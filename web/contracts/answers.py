"""What a view says of itself for the OpenAPI document: what it may be asked, and what it answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict, TypeVar

View = TypeVar("View", bound=Callable[..., Any])


class PageQuery(TypedDict, total=False):
    """What the address of a page can have."""

    lang: str  # code of the language, which the browser then keeps


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its status, when it is given, and its content: a type that is sent as JSON, or a media type.

    ``headers`` are those that the answer has for this status.
    """

    status: int
    when: str
    content: Any = None
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contract:
    """All answers of a view; its query and the form that it takes, if any, as TypedDicts; and who may ask."""

    answers: tuple[Answer, ...]
    query: Any = None
    form: Any = None
    operators_only: bool = False


_contracts: dict[Any, Contract] = {}


def answers(
    *all_answers: Answer, query: Any = None, form: Any = None, operators_only: bool = False
) -> Callable[[View], View]:
    """Decorator of a view, or of the class of a mounted application, that says what its answers are."""

    def remember(view: View) -> View:
        _contracts[view] = Contract(all_answers, query, form, operators_only)
        return view

    return remember


def contract_of(view: Any) -> Contract | None:
    """What a view says of itself; None for a view that says nothing."""
    return _contracts.get(view) or _contracts.get(type(view))
