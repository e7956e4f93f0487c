from enum import StrEnum

import pytest

from streams.contract.outcomes import CAPTURED, SERVER_HOPS, Hop, Outcome, Stage


@pytest.mark.parametrize("words", [Outcome, Stage, Hop])
def test_every_word_is_unique_and_is_its_name_in_lower_case(words: type[StrEnum]) -> None:
    assert len(words) == len(words.__members__)  # an alias would have the value of another member
    assert all(member.value == member.name.lower() for member in words)


def test_the_server_times_all_hops_but_the_last() -> None:
    assert (*SERVER_HOPS, Hop.DELIVERED) == tuple(Hop)
    assert CAPTURED not in {str(hop) for hop in Hop}
