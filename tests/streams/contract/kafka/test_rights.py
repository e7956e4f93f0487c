"""What each role may do: as the guide for operators says it, and no more than topics that exist."""

import re

from streams.app import app
from streams.contract.kafka.rights import GROUP, RIGHTS, Kind, commands, needs, rights
from streams.contract.settings import Settings
from streams.contract.topics import GATEWAYS, Role, topic_specs
from tests import ROOT

GUIDE = ROOT / "infra" / "deploy" / "kafka_security.md"


def test_the_guide_has_exactly_these_rights() -> None:
    rows = re.findall(r"^\| (\w+) +\| (\w+) +\| `([\w.-]+)` +\| ([\w, ]+?) +\|$", GUIDE.read_text(), re.MULTILINE)
    assert [tuple(row) for row in rows] == [
        (role, str(right.kind), right.name, ", ".join(right.operations))
        for role, owned in RIGHTS.items()
        for right in owned
    ]


def test_the_guide_has_the_commands_that_give_them() -> None:
    written = re.findall(r"^    acl (User:.*)$", GUIDE.read_text(), re.MULTILINE)
    assert written == [each for role in Role for each in commands(role)]


def test_each_right_is_for_a_topic_that_exists_or_a_group_of_ours() -> None:
    topics = {topic.name for topic in topic_specs(Settings())}
    named = {(right.kind, right.name) for owned in RIGHTS.values() for right in owned}
    assert {name for kind, name in named if kind == Kind.TOPIC} == topics
    assert {name for kind, name in named if kind == Kind.GROUP} == {GROUP, GATEWAYS}
    assert app.conf.id == GROUP


def test_neither_gateway_nor_worker_may_do_what_only_the_other_needs() -> None:
    assert needs("gateway", Kind.TOPIC, "sightstream.frames") == ("Write",)
    assert needs("gateway", Kind.TOPIC, "sightstream.sessions") == ("Read",)
    assert needs("worker", Kind.TOPIC, "sightstream.frames") == ("Read",)
    assert needs("worker", Kind.TOPIC, "sightstream.rejected") == ("Write",)
    assert needs("gateway", Kind.TOPIC, "sightstream.models") == ()
    assert needs("gateway", Kind.GROUP, GROUP) == ()
    assert needs("worker", Kind.GROUP, GATEWAYS) == ()


def test_a_worker_of_one_pool_has_the_frames_and_the_group_of_no_other() -> None:
    named = {right.name for right in rights(Role.WORKER, Settings(pool="large"))}
    assert {"sightstream.frames.large", "sightstream.large"} < named
    assert not named & {"sightstream.frames", GROUP}
    assert needs("worker", Kind.TOPIC, "sightstream.frames.large") == ("Read",)
    assert needs("worker", Kind.GROUP, "sightstream.large") == ("Read",)
