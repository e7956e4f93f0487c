"""The AsyncAPI document names every topic, every message, and what else holds for them."""

from typing import Any, get_args

import pytest
from jsonschema import ValidationError

from streams import app
from streams.contract.messages import fields_of
from streams.contract.outcomes import Hop, Outcome
from streams.contract.settings import Settings
from streams.contract.topics import PREDICTIONS, SESSIONS, topic_specs
from tests.contracts import MessageContract
from web.contracts.asyncapi import TOPICS, asyncapi
from web.messages import GatewayMessage, Ping
from web.protocol import CloseCode

SETTINGS = Settings(broker=("kafka.internal.example:9092",), partitions=6, replication=3)


@pytest.fixture
def document() -> dict[str, Any]:
    return asyncapi(SETTINGS, "vision.example", "/v", secure=True)


def references(part: Any) -> list[str]:
    if isinstance(part, list):
        return [each for inner in part for each in references(inner)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
    return [*own, *(each for inner in part.values() for each in references(inner))]


def test_every_reference_leads_to_something(document: dict[str, Any]) -> None:
    found = references(document)
    assert len(found) > 40
    for each in found:
        place: Any = document
        for step in each.removeprefix("#/").split("/"):
            place = place[step]
        assert place


def test_it_has_the_parts_of_asyncapi_3(document: dict[str, Any]) -> None:
    assert document["asyncapi"] == "3.0.0"
    assert document["info"].keys() >= {"title", "version"}
    for channel in document["channels"].values():
        assert channel["address"] and channel["messages"] and channel["servers"]
    for operation in document["operations"].values():
        assert operation["action"] in ("send", "receive")
        channel = operation["channel"]["$ref"]
        assert all(each["$ref"].startswith(f"{channel}/messages/") for each in operation["messages"])


def test_every_topic_is_there_with_its_settings(document: dict[str, Any]) -> None:
    for spec in topic_specs(SETTINGS):
        binding = document["channels"][spec.name]["bindings"]["kafka"]
        assert (binding["partitions"], binding["replicas"]) == (spec.partitions, 3)
        assert binding["topicConfiguration"].keys() == spec.config.keys()
    assert document["channels"][SESSIONS]["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"] == ["compact"]
    assert document["channels"].keys() == {"ws", *(spec.name for spec in topic_specs(SETTINGS))}


def test_the_topics_have_the_types_that_the_workers_give_them() -> None:
    topics: list[Any] = [app.frames, app.predictions, app.workers]
    for topic in topics:
        (name,) = topic.topics
        assert TOPICS[name].record is fields_of(topic.value_type)


def test_every_message_of_the_socket_is_there_and_every_close_code(document: dict[str, Any]) -> None:
    socket = document["channels"]["ws"]
    assert socket["messages"].keys() == {"Upload", *(each.__name__ for each in (Ping, *get_args(GatewayMessage)))}
    assert all(str(code.value) in socket["description"] for code in CloseCode)
    assert socket["bindings"]["ws"]["query"]["properties"].keys() == {"model", "pending"}


def test_outcomes_and_hops_are_there_with_their_words(document: dict[str, Any]) -> None:
    for kind in (Outcome, Hop):
        shown = document["components"]["schemas"][kind.__name__]["oneOf"]
        assert [(each["const"], each["title"]) for each in shown] == [(each.value, each.words) for each in kind]


def test_the_picture_of_a_frame_is_in_no_header(document: dict[str, Any]) -> None:
    assert "jpeg" not in document["components"]["schemas"]["Frame"]["properties"]


def test_browsers_learn_where_the_gateway_is_and_nobody_where_kafka_is(document: dict[str, Any]) -> None:
    gateway = document["servers"]["gateway"]
    assert (gateway["protocol"], gateway["host"], gateway["pathname"]) == ("wss", "vision.example", "/v")
    assert "internal" not in str(document)


@pytest.mark.parametrize(
    "header",
    [
        {"session": "s", "seq": 1, "outcome": "lost", "stage": "worker"},
        {"session": "s", "seq": 1, "outcome": "stale", "stage": "worker", "colour": "red"},
        {"session": "s", "outcome": "stale", "stage": "worker"},
        {"session": "s", "seq": "1", "outcome": "stale", "stage": "worker"},
    ],
    ids=["unknown-outcome", "undocumented-field", "missing-field", "wrong-type"],
)
def test_a_record_against_the_document_fails(document: dict[str, Any], header: dict[str, Any]) -> None:
    contract = MessageContract(document)
    contract.check(PREDICTIONS, "Prediction", {"session": "s", "seq": 1, "outcome": "stale", "stage": "worker"})
    with pytest.raises(ValidationError):
        contract.check(PREDICTIONS, "Prediction", header)
