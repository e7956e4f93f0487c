"""What each role may do: as the guide for operators says it, and no more than topics that exist."""

import re

from streams.app import app
from streams.contract.kafka.rights import GROUP, RIGHTS, Kind, commands, needs
from streams.contract.settings import Settings
from streams.contract.topics import topic_specs
from tests import ROOT

GUIDE = ROOT / "infra" / "deploy" / "kafka_security.md"


def test_the_guide_has_exactly_these_rights() -> None:
    rows = re.findall(r"^\| (\w+) +\| (\w+) +\| `([\w.]+)` +\| ([\w, ]+?) +\|$", GUIDE.read_text(), re.MULTILINE)
    assert [tuple(row) for row in rows] == [
        (role, str(right.kind), right.name, ", ".join(right.operations))
        for role, rights in RIGHTS.items()
        for right in rights
    ]


def test_the_guide_has_the_commands_that_give_them() -> None:
    written = {" ".join(line.split()) for line in GUIDE.read_text().splitlines()}
    for role in RIGHTS:
        assert {each for each in commands(role) if each not in written} == set()


def test_each_right_is_for_a_topic_that_exists_or_the_workers_own_group() -> None:
    topics = {topic.name for topic in topic_specs(Settings())}
    named = {(right.kind, right.name) for rights in RIGHTS.values() for right in rights}
    assert {name for kind, name in named if kind == Kind.TOPIC} == topics
    assert {name for kind, name in named if kind == Kind.GROUP} == {GROUP}
    assert app.conf.id == GROUP


def test_neither_gateway_nor_worker_may_do_what_only_the_other_needs() -> None:
    assert needs("gateway", Kind.TOPIC, "sightstream.frames") == ("Write",)
    assert needs("gateway", Kind.TOPIC, "sightstream.sessions") == ("Read",)
    assert needs("worker", Kind.TOPIC, "sightstream.frames") == ("Read",)
    assert needs("worker", Kind.TOPIC, "sightstream.rejected") == ("Write",)
    assert needs("gateway", Kind.GROUP, GROUP) == ()
