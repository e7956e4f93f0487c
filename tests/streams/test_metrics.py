"""The metrics of a worker, and its status for the gateways."""

from typing import Any

from faust.types import TP
from prometheus_client.parser import text_string_to_metric_families

from streams.contract.canary import canary_session
from streams.contract.codec import Codec
from streams.contract.messages import Prediction, ServedModel, WorkerStatus
from streams.contract.outcomes import Outcome
from streams.contract.topics import FRAMES, PREDICTIONS
from streams.metrics import Metrics, lag
from tests.fakes.classifiers import Slow, frame, running


def values(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name.removeprefix("sightstream_worker_"), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return values(metrics.text().decode())[name, frozenset(labels.items())]


def settled(outcome: str, session: str = "s") -> Prediction:
    return Prediction(session, 1, outcome, "worker", model="net", version="7")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_batches_are_counted_by_model_with_their_time_and_their_frames_ages() -> None:
    clock = Clock()
    metrics = Metrics(clock)
    for size, seconds in ((1, 0.004), (3, 0.012)):
        done: Any = metrics.count_batch("net", [20.0] * size)
        clock.now += seconds
        done(None)
    assert value(metrics, "batch_size_count", model="net") == 2
    assert value(metrics, "batch_size_sum", model="net") == 4
    assert value(metrics, "batch_size_bucket", model="net", le="1.0") == 1
    assert round(value(metrics, "batch_seconds_sum", model="net"), 6) == 0.016
    assert value(metrics, "queue_age_seconds_count") == 4
    assert round(value(metrics, "queue_age_seconds_sum"), 6) == 0.08


def test_outcomes_are_counted_and_canaries_are_not() -> None:
    metrics = Metrics()
    for each in (
        settled(Outcome.ANSWERED),
        settled(Outcome.ANSWERED),
        settled("stale"),
        settled(Outcome.ANSWERED, canary_session("g")),
        settled("failed", canary_session("")),
    ):
        metrics.count_outcome(each)
    assert value(metrics, "answers_total", model="net", version="7") == 2
    assert value(metrics, "drops_total", reason="stale") == 1
    assert metrics.drops.values == {("stale",): 1}


def test_a_status_holds_what_happened_since_the_last_one_and_can_be_read_back() -> None:
    clock = Clock()
    metrics = Metrics(clock)
    metrics.waiting = lambda: 3
    metrics.lag = {2: 5, 0: 1}
    metrics.count_batch("net", [10.0, 30.5])
    metrics.count_batch("net", [12.0, 13.0])
    for _ in range(4):
        metrics.count_outcome(settled(Outcome.ANSWERED))
    metrics.count_outcome(settled("stale"))
    clock.now = 2.0
    metrics.models = [ServedModel("net", "7", 224)]
    read = WorkerStatus.loads(metrics.take_status("w", 1.0, "another model is missing").dumps())
    assert (read.worker, read.at, read.models, read.error) == ("w", 1.0, metrics.models, "another model is missing")
    assert (read.batch_sizes, read.fps, read.queue_age_ms, read.waiting) == ([[2, 2]], 2.0, 30.5, 3)
    assert (read.lag, read.drops) == ({"0": 1, "2": 5}, {"stale": 1})
    clock.now = 4.0
    again = metrics.take_status("w", 2.0)
    assert (again.batch_sizes, again.fps, again.queue_age_ms) == ([], 0.0, 0.0)
    assert again.drops == {"stale": 1}


def test_the_status_of_an_older_worker_can_be_read() -> None:
    older = Codec().dumps({"worker": "w", "at": 1.0, "models": []})
    status = WorkerStatus.loads(older)
    assert (status.worker, status.lag, status.batch_sizes, status.fps) == ("w", {}, [], 0.0)


def test_lag_is_what_a_partition_holds_behind_what_was_read() -> None:
    first, second, third = (TP(FRAMES, number) for number in range(3))
    other = TP(PREDICTIONS, 0)
    read = {first: 9, second: 4, other: 0}
    assert lag({third, second, first, other}, read, {first: 10, second: 10, other: 50}) == {0: 0, 1: 5, 2: 0}
    assert lag({first}, read, {first: None}) == {0: 0}


async def test_a_batcher_counts_the_batches_it_runs() -> None:
    metrics = Metrics()
    async with running(Slow(), metrics=metrics) as (batcher, published):
        batcher.put(frame("a", age_ms=100.0))
        assert batcher.waiting == 1
        await published.count(1)
        assert batcher.waiting == 0
    assert value(metrics, "batch_size_count", model="slow") == 1
    assert value(metrics, "queue_age_seconds_sum") >= 0.1
    assert value(metrics, "batch_seconds_count", model="slow") == 1
