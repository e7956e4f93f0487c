"""JSON responses."""

from typing import Any

import msgspec
from starlette.responses import JSONResponse


class StructResponse(JSONResponse):
    """A JSON response whose content msgspec encodes: Structs, and what is built of dicts, lists and numbers."""

    def render(self, content: Any) -> bytes:
        """The content as JSON."""
        return msgspec.json.encode(content)
