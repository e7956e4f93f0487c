"""Everything that a worker counts, by name. Batches hold canaries too; answers and drops are without them.

Batches are counted as the engine takes them, fates as they are published: under 1 µs a frame and 2 µs a batch.
What the worker is doing is looked at every two seconds, for the gateways' operators and Prometheus alike.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import start_http_server

from streams.contract.canary import is_canary
from streams.contract.messages import Prediction, ServedModel
from streams.contract.outcomes import Outcome
from streams.contract.prometheus import BucketCounts, Exporter, MetricSpec, Sample
from streams.contract.topics import FRAMES

log = logging.getLogger(__name__)

BATCH_SIZE = MetricSpec("sightstream_worker_batch_size", "histogram", "Frames in a batch.", ("model",))
BATCH_SECONDS = MetricSpec(
    "sightstream_worker_batch_seconds", "histogram", "Seconds that the engine took for a batch.", ("model",)
)
QUEUE_AGE = MetricSpec(
    "sightstream_worker_queue_age_seconds",
    "histogram",
    "Seconds from the gateway's receipt of a frame until the engine took it.",
)
WAITING = MetricSpec(
    "sightstream_worker_waiting_frames", "gauge", "Frames that wait for the engine or are being decoded."
)
ANSWERS = MetricSpec(
    "sightstream_worker_answers_total", "counter", "Frames answered with labels.", ("model", "version")
)
DROPS = MetricSpec("sightstream_worker_drops_total", "counter", "Frames dropped.", ("reason",))
LAG = MetricSpec(
    "sightstream_worker_partition_lag_frames",
    "gauge",
    "Frames of one of the worker's partitions that it has not read yet.",
    ("partition",),
)
INFO = MetricSpec(
    "sightstream_worker_model_info", "gauge", "1 for each served model.", ("model", "version", "engine", "precision")
)

NAMED = (BATCH_SIZE, BATCH_SECONDS, QUEUE_AGE, WAITING, ANSWERS, DROPS, LAG, INFO)
SIZES = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 64.0)


class Metrics:
    """One worker's counts. ``waiting``, ``lag`` by partition and ``models`` are set by who knows them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.sizes: dict[str, BucketCounts] = {}  # by model
        self.seconds: dict[str, BucketCounts] = {}
        self.ages = BucketCounts()
        self.answers: Counter[tuple[str, str]] = Counter()  # (model, version)
        self.drops: Counter[str] = Counter()
        self.waiting: Callable[[], int] = int
        self.lag: dict[int, int] = {}
        self.models: Sequence[ServedModel] = ()
        self.register = Exporter(NAMED, self._samples)
        self.batch_sizes: Counter[int] = Counter()  # since the last `lately`, as all below
        self.oldest_ms = 0.0
        self._answered = 0
        self._since = clock()

    def launched(self, model: str, ages_ms: Sequence[float]) -> Callable[["asyncio.Future[Any]"], None]:
        """Count a batch that the engine takes now, of frames received so long ago; to be called when it is done."""
        if model not in self.sizes:
            self.sizes[model], self.seconds[model] = BucketCounts(SIZES), BucketCounts()
        self.sizes[model].add(len(ages_ms))
        self.batch_sizes[len(ages_ms)] += 1
        self.oldest_ms = max(self.oldest_ms, *ages_ms)
        for age in ages_ms:
            self.ages.add(age / 1000)
        seconds, started = self.seconds[model], self.clock()
        return lambda _: seconds.add(self.clock() - started)

    def published(self, prediction: Prediction) -> None:
        """Count a frame's fate."""
        if is_canary(prediction.session):
            return
        if prediction.outcome == Outcome.ANSWERED:
            self.answers[prediction.model, prediction.version] += 1
            self._answered += 1
        else:
            self.drops[prediction.outcome] += 1

    def lately(self) -> dict[str, Any]:
        """What happened since it was asked last, in the words of ``WorkerStatus``."""
        now = self.clock()
        told = {
            "batch_sizes": sorted(map(list, self.batch_sizes.items())),
            "queue_age_ms": round(self.oldest_ms, 1),
            "fps": round(self._answered / max(0.001, now - self._since), 2),
            "waiting": self.waiting(),
            "lag": {str(partition): frames for partition, frames in sorted(self.lag.items())},
            "drops": dict(self.drops),
        }
        self.batch_sizes, self.oldest_ms, self._answered, self._since = Counter(), 0.0, 0, now
        return told

    def _samples(self) -> Iterable[Sample]:
        # copies: Prometheus is answered by a thread of its own
        for model, sizes in self.sizes.copy().items():
            yield BATCH_SIZE, (model,), sizes
            yield BATCH_SECONDS, (model,), self.seconds[model]
        yield QUEUE_AGE, (), self.ages
        yield WAITING, (), self.waiting()
        for labels, number in self.answers.copy().items():
            yield ANSWERS, labels, number
        for reason, number in self.drops.copy().items():
            yield DROPS, (reason,), number
        for partition, frames in self.lag.copy().items():
            yield LAG, (str(partition),), frames
        for each in self.models:
            yield INFO, (each.name, each.version, each.engine, each.precision), 1


def lag(assigned: Iterable[Any], read: Mapping[Any, int], ends: Mapping[Any, int | None]) -> dict[int, int]:
    """By each ``assigned`` partition of the frames: how many it holds behind the last one ``read``.

    ``ends`` are where the partitions ended at the last fetch; of one that was not fetched yet nothing is known, 0.
    """
    frames = [each for each in assigned if each.topic == FRAMES]
    return {
        each.partition: max(0, (ends.get(each) or 0) - read[each] - 1) if each in read else 0
        for each in sorted(frames, key=lambda each: int(each.partition))
    }


def serve(metrics: Metrics, host: str, port: int) -> Callable[[], None]:
    """Answer Prometheus at ``http://host:port/metrics`` until the result is called; port 0 answers nobody.

    A port that is taken costs the figures, not the worker.
    """
    if not port:
        return lambda: None
    try:
        server, thread = start_http_server(port, host, metrics.register.registry)
    except OSError as error:
        log.warning("nobody will read this worker's metrics: %s:%d cannot be used (%s)", host, port, error)
        return lambda: None

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop
