from enum import StrEnum

import pytest

from streams.contract.outcomes import CAPTURED, SERVER_HOPS, Hop, Outcome, Stage, counts_in_words


@pytest.mark.parametrize("words", [Outcome, Stage, Hop])
def test_every_word_is_unique_and_is_its_name_in_lower_case(words: type[StrEnum]) -> None:
    assert len(words) == len(words.__members__)  # an alias would have the value of another member
    assert all(member.value == member.name.lower() for member in words)


def test_the_server_times_all_hops_but_the_last() -> None:
    assert (*SERVER_HOPS, Hop.DELIVERED) == tuple(Hop)
    assert CAPTURED not in {str(hop) for hop in Hop}


@pytest.mark.parametrize("kind", [Outcome, Hop])
def test_every_outcome_and_hop_has_words_of_its_own_for_people(kind: type[Outcome | Hop]) -> None:
    words = [each.words for each in kind]
    assert len({*words}) == len(kind)
    assert all(each and "_" not in each for each in words)


def test_counts_are_told_in_words_and_nothing_is_none() -> None:
    assert counts_in_words({"stale": 3, "expired": 1, "rate": 0}) == "too old: 3, no answer: 1"
    assert counts_in_words({Outcome.SUPERSEDED: 2}) == "replaced by a newer frame: 2"
    assert counts_in_words({}) == "none"
    assert counts_in_words({"of_tomorrow": 2}) == "of_tomorrow: 2"


def test_a_code_alone_is_the_outcome_with_its_words() -> None:
    assert Outcome("stale") is Outcome.STALE
    assert f"{Outcome.STALE}" == "stale"
