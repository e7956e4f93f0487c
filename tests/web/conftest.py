"""Fixtures of the gateway's tests."""

import pytest

from streams.contract.kafka.connections import Outages
from streams.contract.kafka.denials import Denials


@pytest.fixture(autouse=True)
def _no_problem_with_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests of this process may have left problems with their brokers."""
    monkeypatch.setattr("web.state.OUTAGES", Outages())
    monkeypatch.setattr("web.state.DENIALS", Denials())
