"""Holds what really travels to the gateway's documents. What they do not name is not allowed here."""

import re
from dataclasses import dataclass, field
from typing import Any, Protocol

from jsonschema import Draft7Validator, Draft202012Validator

from streams.contract.codec import Codec


class Response(Protocol):
    """What both httpx and Starlette's client return."""

    status_code: int
    headers: Any

    def json(self) -> Any: ...


def strict(document: Any) -> Any:
    """The same document, in which an object has no properties but those that are named."""
    if isinstance(document, list):
        return [strict(each) for each in document]
    if not isinstance(document, dict):
        return document
    closed = {key: strict(value) for key, value in document.items()}
    if isinstance(closed.get("properties"), dict) and closed.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


@dataclass
class HttpContract:
    """An OpenAPI document, and which of its answers were ``seen``: path, method, status."""

    document: dict[str, Any]
    seen: set[tuple[str, str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.components = strict(self.document["components"])

    @property
    def answers(self) -> set[tuple[str, str, int]]:
        """All documented answers."""
        return {
            (path, method, int(status))
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
            for status in operation["responses"]
        }

    def check(self, method: str, path: str, response: Response) -> None:
        """Fail if the document does not have this answer to this request."""
        template = self.template(path)
        answer = self.document["paths"][template][method]["responses"][str(response.status_code)]
        self.seen.add((template, method, response.status_code))
        assert [name for name in answer.get("headers", {}) if name not in response.headers] == []
        content = answer.get("content", {})
        if not content:
            return
        (media, body), sent = next(iter(content.items())), response.headers["content-type"].partition(";")[0]
        assert media in (sent, "*/*"), f"{path} answers {sent}"
        if "schema" in body:
            validator = Draft202012Validator({"components": self.components, **strict(body["schema"])})
            validator.validate(response.json())

    def template(self, path: str) -> str:
        """The documented path that an address has: one without parameters first."""
        found: list[str] = [
            each
            for each in sorted(self.document["paths"], key=lambda each: each.count("{"))
            if re.fullmatch(re.sub(r"{(\w+)}", lambda name: ".+" if name[1] == "path" else "[^/]+", each), path)
        ]
        assert found, f"{path} is not documented"
        return found[0]


@dataclass
class MessageContract:
    """An AsyncAPI document, and which of its messages were ``seen``: channel, name."""

    document: dict[str, Any]
    seen: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.components = strict(self.document["components"])

    @property
    def messages(self) -> set[tuple[str, str]]:
        """All documented messages."""
        return {(name, each) for name, channel in self.document["channels"].items() for each in channel["messages"]}

    def check_json(self, message: dict[str, Any], channel: str = "ws") -> None:
        """Fail if the channel has no such JSON message. Its name is its type, first letter in upper case."""
        self.check(channel, message["type"].capitalize(), message)

    def check_record(self, topic: str, value: bytes, headers: dict[str, str]) -> None:
        """Fail if the topic has no such record."""
        (name,) = self.document["channels"][topic]["messages"]
        message = self.document["channels"][topic]["messages"][name]
        if "headers" in message:
            Draft7Validator(strict(message["headers"])).validate(headers)
        if message["contentType"] == "application/octet-stream":
            self.seen.add((topic, name))
            return
        header = Codec().loads(value)
        header.pop("jpeg", None)
        self.check(topic, name, header)

    def check(self, channel: str, name: str, payload: Any) -> None:
        """Fail if the payload is not that of this message."""
        schema = self.document["channels"][channel]["messages"][name]["payload"]
        Draft7Validator({"components": self.components, "allOf": [strict(schema)]}).validate(payload)
        self.seen.add((channel, name))
