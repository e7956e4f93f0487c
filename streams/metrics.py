"""The metrics of a worker.

Batches are counted as the engine takes them, outcomes as they are published. Canary frames are part of batches, but
not of answers and drops. Every two seconds the worker's status tells gateways what happened since the last one.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from streams.contract.canary import is_canary
from streams.contract.messages import Prediction, ServedModel, WorkerStatus
from streams.contract.outcomes import Outcome
from streams.contract.prometheus import MetricSet
from streams.contract.topics import FRAMES

SIZES = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 64.0)


class Metrics(MetricSet):
    """One worker's metrics.

    ``waiting`` (a function that gives the number of waiting frames), ``lag`` (frames by partition) and ``models`` are
    set by the parts of the worker that know them.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.clock = clock  # in seconds
        self.waiting: Callable[[], int] = int
        self.lag: dict[int, int] = {}
        self.models: Sequence[ServedModel] = ()
        self.batch_size = self.histogram("sightstream_worker_batch_size", "Frames in a batch.", "model", bounds=SIZES)
        self.batch_seconds = self.histogram(
            "sightstream_worker_batch_seconds", "Seconds that the engine took for a batch.", "model"
        )
        self.queue_age = self.histogram(
            "sightstream_worker_queue_age_seconds",
            "Seconds from the gateway's receipt of a frame until the engine took it.",
        )
        self.gauge(
            "sightstream_worker_waiting_frames",
            "Frames that wait for the engine or are being decoded.",
            read=lambda: self.waiting(),
        )
        self.answers = self.counter(
            "sightstream_worker_answers_total", "Frames answered with labels.", "model", "version"
        )
        self.drops = self.counter("sightstream_worker_drops_total", "Frames dropped.", "reason")
        self.rejected = self.counter(
            "sightstream_worker_rejected_total", "Records that could not be used and were set aside.", "topic"
        )
        self.gauge(
            "sightstream_worker_partition_lag_frames",
            "Frames of one of the worker's partitions that it has not read yet.",
            "partition",
            read=lambda: {(str(partition),): frames for partition, frames in self.lag.items()},
        )
        self.clock_ahead: Callable[[], float | None] = lambda: None
        self.gauge(
            "sightstream_worker_clock_ahead_seconds",
            "Seconds by which the worker's clock is ahead of Kafka's.",
            read=lambda: self.clock_ahead(),
        )
        self.standstill: Callable[[], float] = float
        self.gauge(
            "sightstream_worker_standstill_seconds",
            "Seconds in which a part of the worker had work and made no progress; 0 unless that is too long.",
            read=lambda: self.standstill(),
        )
        self.gauge(
            "sightstream_worker_model_info",
            "1 for each served model.",
            "model",
            "version",
            "engine",
            "precision",
            read=lambda: {(each.name, each.version, each.engine, each.precision): 1 for each in self.models},
        )
        # since the last status
        self._batch_sizes: Counter[int] = Counter()
        self._oldest_ms = 0.0
        self._answered = 0
        self._since = clock()

    def count_batch(self, model: str, ages_ms: Sequence[float]) -> Callable[["asyncio.Future[Any]"], None]:
        """Count a batch that the engine takes now.

        Args:
            ages_ms: for each of its frames the milliseconds since the gateway received it.

        Returns:
            What to call when the batch is done; a callback for its future.
        """
        seconds, started = self.batch_seconds.of(model), self.clock()
        self.batch_size.add(len(ages_ms), model)
        self._batch_sizes[len(ages_ms)] += 1
        self._oldest_ms = max(self._oldest_ms, *ages_ms)
        queue_age = self.queue_age.of()
        for age in ages_ms:
            queue_age.add(age / 1000)
        return lambda _: seconds.add(self.clock() - started)

    def count_outcome(self, prediction: Prediction) -> None:
        """Count a frame's outcome."""
        if is_canary(prediction.session):
            return
        if prediction.outcome == Outcome.ANSWERED:
            self.answers.add(1, prediction.model, prediction.version)
            self._answered += 1
        else:
            self.drops.add(1, prediction.outcome)

    def take_status(self, worker: str, at: float, error: str = "", pool: str = "") -> WorkerStatus:
        """The status of this ``worker`` at ``at``, in ms since 1970. The next one begins where this one ends."""
        now = self.clock()
        status = WorkerStatus(
            worker=worker,
            at=at,
            models=[*self.models],
            error=error,
            batch_sizes=sorted(map(list, self._batch_sizes.items())),
            fps=round(self._answered / max(0.001, now - self._since), 2),
            queue_age_ms=round(self._oldest_ms, 1),
            waiting=self.waiting(),
            lag={str(partition): frames for partition, frames in sorted(self.lag.items())},
            drops={reason: frames for (reason,), frames in self.drops.values.items()},
            rejected=self.rejected.total,
            pool=pool,
        )
        self._batch_sizes, self._oldest_ms, self._answered, self._since = Counter(), 0.0, 0, now
        return status


def lag(assigned: Iterable[Any], read: Mapping[Any, int], ends: Mapping[Any, int | None]) -> dict[int, int]:
    """The frames that each partition of the frames' topic holds after the last one that was read.

    Args:
        assigned: the worker's partitions, of all topics.
        read: the offset of the last message read from a partition.
        ends: the offset at which a partition ended at the last fetch; before the first fetch the lag is 0.
    """
    frames = [each for each in assigned if each.topic.startswith(FRAMES)]
    return {
        each.partition: max(0, (ends.get(each) or 0) - read[each] - 1) if each in read else 0
        for each in sorted(frames, key=lambda each: int(each.partition))
    }
