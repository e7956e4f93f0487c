"""JSON responses, and what errors look like."""

from typing import Any

import msgspec
from starlette.responses import JSONResponse


class Problem(msgspec.Struct, frozen=True):
    """Why a request has no better answer, for people."""

    error: str


class StructResponse(JSONResponse):
    """A JSON response whose content msgspec encodes: Structs, and what is built of dicts, lists and numbers."""

    def render(self, content: Any) -> bytes:
        """The content as JSON."""
        return msgspec.json.encode(content)
