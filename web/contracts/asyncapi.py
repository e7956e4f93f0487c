"""The AsyncAPI document of the WebSocket and of the topics in Kafka, made from the types of their messages."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any, get_args

from streams.contract import codec, messages, topics
from streams.contract.kafka import rejected
from streams.contract.kafka.rejected import RejectedRecord
from streams.contract.outcomes import Hop
from streams.contract.settings import Settings
from streams.contract.stats import PackedStats
from web import messages as socket_messages
from web import protocol
from web.contracts.schemas import Schema, comments, commonmark, draft_07, schemas

ABOUT = """What travels between browsers and the gateway, and between gateways and workers through Kafka.

Frames go up the WebSocket as binary messages, their labels come back as JSON. The OpenAPI document beside this one
describes the gateway's other addresses."""
BINARY = {"type": "string", "format": "binary"}
IN_KAFKA = "application/vnd.sightstream"


@dataclass(frozen=True, slots=True)
class TopicContract:
    """A topic: the type of its records' headers in the codec, who writes them and who reads them."""

    record: Any
    written_by: str
    read_by: str


TOPICS: Mapping[str, TopicContract] = {
    topics.FRAMES: TopicContract(messages.fields_of(messages.Frame), "gateways", "workers"),
    topics.PREDICTIONS: TopicContract(
        messages.fields_of(messages.Prediction), "workers, and gateways for what they drop", "gateways and workers"
    ),
    topics.WORKERS: TopicContract(messages.fields_of(messages.WorkerStatus), "workers", "gateways"),
    topics.MODELS: TopicContract(messages.fields_of(messages.Agreement), "workers, and operators", "workers"),
    topics.SESSIONS: TopicContract(PackedStats, "workers", "gateways, and workers that take partitions over"),
    topics.REJECTED: TopicContract(RejectedRecord, "workers", "people"),
}


def asyncapi(settings: Settings, host: str, path: str = "", secure: bool = False) -> dict[str, Any]:
    """The document of a gateway with these settings, which browsers reach at ``host`` below ``path``."""
    kafka = {
        "host": "{broker}",
        "protocol": "kafka" if settings.kafka_security == "PLAINTEXT" else "kafka-secure",
        "variables": {"broker": {"default": "127.0.0.1:9092", "description": "The setting `broker`."}},
    }
    gateway = {"host": host, "protocol": "wss" if secure else "ws", **({"pathname": path} if path else {})}
    specs = {each.name: each for each in topics.topic_specs(settings)}
    channels, operations, components = _contracts()
    shown = {name: {**channel} for name, channel in channels.items()}
    for topic in TOPICS:
        spec = specs[topic]
        numbers = {"partitions": spec.partitions, "replicas": spec.replication}
        shown[topic]["bindings"] = {"kafka": {"topic": topic, **numbers, "topicConfiguration": _typed(spec.config)}}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sightstream, messages",
            "version": version("sightstream"),
            "description": ABOUT,
            "license": {"name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"gateway": gateway, "kafka": kafka},
        "channels": shown,
        "operations": operations,
        "components": components,
    }


@cache
def _contracts() -> tuple[Schema, Schema, Schema]:
    """Channels, operations and components, which are the same for all gateways."""
    up, down = (socket_messages.Ping,), get_args(socket_messages.GatewayMessage)
    records = [each.record for each in TOPICS.values() if each.record is not RejectedRecord]
    shown, named = schemas([*up, *down, *records, Hop])
    for schema in named.values():
        schema.get("properties", {}).pop("jpeg", None)  # it follows the header
    payload_of = dict(zip([*up, *down, *records, Hop], shown, strict=True))
    upload = _message("Upload", protocol.__doc__, BINARY, "application/octet-stream")
    texts = [_message(each.__name__, each.__doc__, payload_of[each], "application/json") for each in (*up, *down)]
    channels: Schema = {"ws": _socket([upload, *texts])}
    operations: Schema = {
        "fromClients": _operation("receive", "ws", ["Upload", *(each.__name__ for each in up)], "Clients send it."),
        "toClients": _operation("send", "ws", [each.__name__ for each in down], "Clients get it."),
    }
    for topic, contract in TOPICS.items():
        message = _record(contract.record, payload_of)
        channels[topic] = {
            "address": topic,
            "description": f"Written by {contract.written_by}. Read by {contract.read_by}.",
            "servers": [{"$ref": "#/servers/kafka"}],
            "messages": {message["name"]: message},
        }
        operations[topic.rpartition(".")[2]] = _operation(
            "send", topic, [message["name"]], f"Written by {contract.written_by}."
        )
    return draft_07(channels), operations, {"schemas": draft_07(named)}


def _socket(all_messages: list[Schema]) -> Schema:
    remarks = comments(protocol.CloseCode)
    codes = "\n".join(f"- {each.value}: {remarks[each.name]}" for each in protocol.CloseCode)
    _, named = schemas([protocol.Query])
    return {
        "address": "/ws",
        "description": f"{commonmark(socket_messages.__doc__ or '')}\n\n"
        f"{commonmark(protocol.CloseCode.__doc__ or '')}\n\n{codes}",
        "servers": [{"$ref": "#/servers/gateway"}],
        "messages": {each["name"]: each for each in all_messages},
        "bindings": {"ws": {"method": "GET", "query": named[protocol.Query.__name__]}},
    }


def _record(record: Any, payload_of: Mapping[Any, Schema]) -> Schema:
    """The message of a topic. All but rejected records are keyed and encoded by the codec."""
    if record is RejectedRecord:
        names = [name for name, _ in RejectedRecord("", 0, 0, "").headers()]
        headers = {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": names}
        message = _message(record.__name__, rejected.__doc__, BINARY, "application/octet-stream")
        return {**message, "headers": headers}
    about = f"{inspect.cleandoc(record.__doc__)}\n\n{inspect.cleandoc(codec.__doc__ or '')}"
    message = _message(record.__name__, about, payload_of[record], IN_KAFKA)
    return {**message, "bindings": {"kafka": {"key": {"type": "string"}}}}


def _message(name: str, about: str | None, payload: Schema, content_type: str) -> Schema:
    summary, _, more = commonmark(about or "").partition("\n\n")
    message = {"name": name, "title": name, "summary": summary, "contentType": content_type, "payload": payload}
    return {**message, "description": more} if more else message


def _operation(action: str, channel: str, names: list[str], summary: str) -> Schema:
    """What the gateway, or for topics whoever writes them, does."""
    where = f"#/channels/{channel}"
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": where},
        "messages": [{"$ref": f"{where}/messages/{name}"} for name in names],
    }


def _typed(config: Mapping[str, str]) -> Schema:
    """A topic's settings as the Kafka binding has them: numbers as numbers, policies as a list."""
    typed: Schema = {name: int(value) if value.isdigit() else value for name, value in config.items()}
    return {name: value.split(",") if name == "cleanup.policy" else value for name, value in typed.items()}
