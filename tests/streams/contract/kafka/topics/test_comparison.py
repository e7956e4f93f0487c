from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contract.kafka.rights import GROUP, Kind, Operation, rights
from streams.contract.kafka.topics.commands import OperatorCommands
from streams.contract.kafka.topics.comparison import nearest_roles, topic_findings
from streams.contract.kafka.topics.finding import Finding, Harm
from streams.contract.kafka.topics.state import FoundPartition, FoundState
from streams.contract.settings import Settings
from streams.contract.topics import FRAMES, PREDICTIONS, REJECTED, SESSIONS, WORKERS, Role, topic_specs
from tests.fakes.topic_states import BROKER, as_wanted, findings, with_partitions, with_topic

SETTINGS = Settings(broker=("kafka-1:9092", "kafka-2:9092"), replication=3, min_insync=2, kafka_user="ada")
SPECS = topic_specs(SETTINGS)
GOOD = as_wanted(SPECS)
UP_TO_DATE = FoundPartition(1, 3, 3)


def the(found: list[Finding], topic: str) -> Finding:
    """The only finding, which is about this topic."""
    [finding] = found
    assert finding.topic == topic
    return finding


@pytest.mark.parametrize("settings", [Settings(), SETTINGS, Settings(partitions=1), Settings(pool="birds")])
def test_topics_that_are_as_wanted_give_no_finding_of_any_harm(settings: Settings) -> None:
    found = findings(settings, as_wanted(topic_specs(settings)))
    assert [each for each in found if each.harm > Harm.UNKNOWN] == []


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_each_topic_that_is_missing_is_named_with_what_is_wanted_and_the_command_that_creates_it(
    spec: object,
) -> None:
    name, partitions = spec.name, spec.partitions  # type: ignore[attr-defined]
    missing = the([each for each in findings(SETTINGS, with_topic(GOOD, name, None)) if each.harm], name)
    assert (missing.found, missing.harm, missing.waiting_helps) == ("missing", Harm.STOPS, True)
    assert missing.wanted in {f"{partitions} partitions, 3 copies", "1 partition, 3 copies"}
    assert "`sightstream topics --create --broker kafka-1:9092,kafka-2:9092`" in missing.advice


@pytest.mark.parametrize("name", [FRAMES, PREDICTIONS, SESSIONS])
@pytest.mark.parametrize("count", [1, 3, 8])
def test_one_topic_of_those_divided_by_session_with_another_partition_count_is_to_be_made_anew(
    name: str, count: int
) -> None:
    wrong = the(
        [each for each in findings(SETTINGS, with_partitions(GOOD, name, [UP_TO_DATE] * count)) if each.harm], name
    )
    assert wrong.found == f"{count} partition{'s' * (count > 1)}"
    assert wrong.wanted.startswith("4, ")
    assert f"kafka-topics.sh --bootstrap-server kafka-1:9092,kafka-2:9092 --delete --topic {name}`" in wrong.advice
    assert "SIGHTSTREAM_PARTITIONS" not in wrong.advice
    assert (wrong.harm, wrong.waiting_helps) == (Harm.STOPS, False)


@pytest.mark.parametrize("missing", [None, SESSIONS])
def test_where_all_have_the_same_other_count_the_setting_may_be_what_is_wrong(missing: str | None) -> None:
    state = GOOD
    for name in (FRAMES, PREDICTIONS, SESSIONS):
        state = with_partitions(state, name, [UP_TO_DATE] * 8)
    state = with_topic(state, missing, None) if missing else state
    wrong = [each for each in findings(SETTINGS, state) if "8 partitions" in each.found]
    assert {each.topic for each in wrong} == {FRAMES, PREDICTIONS, SESSIONS} - {missing}
    assert all("set SIGHTSTREAM_PARTITIONS=8 for all gateways and workers" in each.advice for each in wrong)


@pytest.mark.parametrize("name", [REJECTED, WORKERS])
def test_more_partitions_of_another_topic_do_not_stop_anything(name: str) -> None:
    wrong = the(
        [each for each in findings(SETTINGS, with_partitions(GOOD, name, [UP_TO_DATE] * 3)) if each.harm], name
    )
    assert (wrong.found, wrong.wanted, wrong.harm) == ("3 partitions", "1", Harm.DIFFERS)


@pytest.mark.parametrize(("copies", "harm"), [(1, Harm.STOPS), (2, Harm.LOSES), (4, Harm.UNKNOWN)])
def test_fewer_copies_than_wanted_can_lose_messages_and_more_do_no_harm(copies: int, harm: Harm) -> None:
    partitions = [UP_TO_DATE, FoundPartition(1, copies, copies), UP_TO_DATE, UP_TO_DATE]
    if copies > 3:
        partitions = [FoundPartition(1, copies, copies)] * 4
    found = [each for each in findings(SETTINGS, with_partitions(GOOD, FRAMES, partitions)) if each.topic == FRAMES]
    assert max(each.harm for each in found) == harm  # with one copy, min.insync.replicas=2 is never met
    [copied] = [each for each in found if "cop" in each.found]
    assert copied.wanted == "3"
    assert f"SIGHTSTREAM_REPLICATION={copies}" in copied.advice


@pytest.mark.parametrize(
    ("partition", "found", "harm"),
    [
        (FoundPartition(-1, 3, 0), "no leader in partition 2", Harm.LOSES),
        (FoundPartition(-1, 3, 1), "no leader in partition 2", Harm.LOSES),
        (
            FoundPartition(1, 3, 1),
            "fewer than min.insync.replicas=2 copies that are up to date in partition 2",
            Harm.LOSES,
        ),
        (FoundPartition(1, 3, 2), "a copy that is not up to date in partition 2", Harm.DIFFERS),
    ],
)
def test_a_partition_whose_copies_are_away_is_named_and_waiting_can_help(
    partition: FoundPartition, found: str, harm: Harm
) -> None:
    state = with_partitions(GOOD, FRAMES, [UP_TO_DATE, UP_TO_DATE, partition, UP_TO_DATE])
    about = [each for each in findings(SETTINGS, state) if each.topic == FRAMES]
    assert found in {each.found for each in about}
    assert all(each.waiting_helps for each in about)
    assert max(each.harm for each in about) == harm


def test_more_copies_than_brokers_are_said_before_anybody_tries_to_create_a_topic() -> None:
    found = [
        each
        for each in findings(SETTINGS, replace(FoundState({}), brokers={1: BROKER, 2: BROKER}))
        if "broker" in each.found
    ]
    assert {each.topic for each in found} == {spec.name for spec in SPECS}
    assert (found[0].found, found[0].wanted) == ("2 brokers", "3 brokers, one for each copy")
    assert "SIGHTSTREAM_REPLICATION=2" in found[0].advice


def test_settings_that_cannot_be_met_are_said_before_anybody_tries_to_create_a_topic() -> None:
    found = findings(Settings(min_insync=2), FoundState({}, brokers={1: BROKER}))
    assert any(each.found == "SIGHTSTREAM_MIN_INSYNC=2" and not each.waiting_helps for each in found)


def denied(*rights_missing: tuple[str, Operation]) -> FoundState:
    return replace(GOOD, denied=frozenset(rights_missing))


def with_rights(state: FoundState, *roles: Role) -> list[Finding]:
    needed = {role: rights(role, SETTINGS) for role in roles}
    return topic_findings(SPECS, state, needed, OperatorCommands(SETTINGS))


@pytest.mark.parametrize("role", [Role.GATEWAY, Role.WORKER])
def test_each_right_that_a_process_needs_and_lacks_is_named_with_the_command_that_gives_it(role: Role) -> None:
    for right in rights(role, SETTINGS):
        for operation in right.operations:
            [missing, *others] = with_rights(denied((right.name, operation)), role)
            assert not [each for each in others if each.harm]
            assert right.name in missing.topic
            assert missing.found == f"no right to {operation}"
            assert missing.wanted == f"this right, for the {role}"
            command = f"--allow-principal User:ada --operation {operation} --{right.kind} {right.name}`"
            assert missing.advice.endswith(command)
            assert (missing.harm, missing.waiting_helps) == (Harm.STOPS, True)


def test_a_right_that_only_another_process_needs_is_not_missed() -> None:
    for operation, name in ((Operation.WRITE, FRAMES), (Operation.READ, WORKERS)):
        needed = {Role.GATEWAY: rights(Role.GATEWAY, SETTINGS)}
        assert any(operation in each.operations and each.name == name for each in needed[Role.GATEWAY])
    found = with_rights(denied((FRAMES, Operation.READ), (GROUP, Operation.READ)), Role.GATEWAY)
    assert not [each for each in found if each.harm]


def test_the_rights_of_a_user_say_which_process_it_is_for() -> None:
    needed = {role: rights(role, SETTINGS) for role in Role}
    everything = denied()
    assert nearest_roles(needed, everything) == [*Role]
    cannot = [
        (each.name, operation)
        for role in (Role.WORKER, Role.OPERATOR)
        for each in needed[role]
        for operation in each.operations
        if each.kind == Kind.GROUP or operation not in dict_of(needed[Role.GATEWAY]).get(each.name, ())
    ]
    assert nearest_roles(needed, denied(*cannot)) == [Role.GATEWAY]
    # one more is missing: it is still the gateway's user
    assert nearest_roles(needed, denied(*cannot, (FRAMES, Operation.WRITE))) == [Role.GATEWAY]


def dict_of(role: object) -> dict[str, tuple[Operation, ...]]:
    return {each.name: each.operations for each in role}  # type: ignore[attr-defined]


def test_what_this_user_may_not_see_is_said_and_counts_as_nothing_wrong() -> None:
    hidden = replace(with_topic(GOOD, FRAMES, None), denied=frozenset({(FRAMES, Operation.DESCRIBE)}))
    for name in (REJECTED, WORKERS):
        hidden = with_topic(hidden, name, replace(hidden.topics[name], config=None))
    hidden = replace(hidden, brokers={1: None})
    found = findings(SETTINGS, hidden)
    assert {each.harm for each in found} == {Harm.UNKNOWN}
    assert [(each.topic, each.found) for each in found] == [
        (FRAMES, "not checked"),
        (f"{REJECTED}, {WORKERS}", "settings not checked"),
        ("broker 1", "settings not checked"),
    ]
    assert f"--operation DescribeConfigs --topic {REJECTED} --topic {WORKERS}`" in found[1].advice
    assert "--operation DescribeConfigs --cluster`" in found[2].advice


@given(
    counts=st.lists(st.integers(1, 9), min_size=len(SPECS), max_size=len(SPECS)),
    gone=st.sets(st.sampled_from([spec.name for spec in SPECS])),
    copies=st.integers(1, 5),
    in_sync=st.integers(0, 5),
    leader=st.integers(-1, 3),
)
def test_whatever_is_found_gives_lines_that_name_a_topic_and_what_to_do_the_worst_first(
    counts: list[int], gone: set[str], copies: int, in_sync: int, leader: int
) -> None:
    state = GOOD
    for spec, count in zip(SPECS, counts, strict=True):
        state = with_partitions(state, spec.name, [FoundPartition(leader, copies, min(copies, in_sync))] * count)
    for name in gone:
        state = with_topic(state, name, None)
    found = findings(SETTINGS, state)
    assert [each.harm for each in found] == sorted((each.harm for each in found), reverse=True)
    assert gone == {each.topic for each in found if each.found == "missing"}
    for each in found:
        assert all((each.topic, each.found, each.wanted, each.advice))
        assert "\n" not in str(each)
