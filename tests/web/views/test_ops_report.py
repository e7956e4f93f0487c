"""The report for operators, built from the gateway's state."""

import pytest

from streams.contract.logs import SESSION_PREFIX
from streams.contract.messages import ServedModel, WorkerStatus
from streams.contract.settings import Settings
from tests.fakes.gateway import EmptyStatsReader, InstantBroker
from web.app import create_app
from web.canary import CanaryResult
from web.protocol import Upload
from web.state import GatewayState
from web.views.ops_report import MAX_SESSIONS, operations_report, session_list, worker_summary

JPEG = b"\xff\xd8\xff\xe0wait"


def gateway() -> GatewayState:
    """A gateway whose tasks do not run."""
    state: GatewayState = create_app(Settings(), InstantBroker, EmptyStatsReader).state.gateway
    return state


def test_a_new_gateway_has_an_empty_report() -> None:
    report = operations_report(gateway())
    assert not report.ready
    assert (report.canary_ms, report.canary_at, report.read_at) == (None, None, None)
    assert (report.load.sockets, report.load.sessions, report.load.unanswered) == (0, 0, 0)
    assert (report.received, report.answered, report.expired, report.more_sessions) == (0, 0, 0, 0)
    assert (report.drops, report.models, report.workers, report.sessions) == ([], [], [], [])


def test_connected_sessions_are_listed_first_and_the_rest_is_counted() -> None:
    state = gateway()
    for number in range(MAX_SESSIONS + 5):
        state.hub.offer(f"session-{number:03}", Upload(1, 0.0, JPEG), "")
    state.hub.join("connected", [], "")
    report = operations_report(state)
    assert report.sessions[0].session == "connected"[:SESSION_PREFIX]
    assert report.sessions[0].connected
    assert len(report.sessions) == MAX_SESSIONS
    assert report.more_sessions == 6
    assert (report.received, report.load.sessions, report.load.unanswered) == (205, 1, 205)
    assert len(session_list(state).sessions) == 206


def test_a_session_has_the_model_that_answers_it() -> None:
    state = gateway()
    models = [ServedModel("first", "1", 224), ServedModel("second", "1", 224)]
    state.hub.note_worker(WorkerStatus(worker="w", at=state.hub.now_ms(), models=models))
    for session, model in (("a", ""), ("b", "second"), ("c", "missing")):
        state.hub.join(session, [], model)
    assert {each.session: each.model for each in session_list(state).sessions} == {
        "a": "first",
        "b": "second",
        "c": None,
    }


async def test_the_report_says_when_the_last_self_test_came_back_and_when_kafka_answered() -> None:
    state = gateway()
    assert isinstance(state.broker, InstantBroker)
    state.broker.heard_at = 1e12
    canary = state.canary
    before = state.hub.now_ms()
    canary.last = CanaryResult("cat", 0.9, took_ms=12.0, model="net", version="1", at=canary.clock() - 40)
    report = operations_report(state)
    assert report.canary_at == pytest.approx(before - 40_000, abs=1000)
    assert report.read_at == 1e12
    assert not report.ready


def test_a_worker_without_batches_has_no_mean() -> None:
    summary = worker_summary(WorkerStatus(worker="w", at=1000.0, models=[]), now=3500.0)
    assert summary.mean_batch is None
    assert summary.silent_s == 2.5
