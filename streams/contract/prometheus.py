"""Counters, gauges and histograms that Prometheus reads.

A process has one ``MetricSet``. It declares each metric in one line and counts with ``add``::

    self.drops = self.counter("sightstream_worker_drops_total", "Frames dropped.", "reason")
    metrics.drops.add(1, Outcome.STALE)

Counting changes plain numbers in dictionaries and lists, because it happens several times for each frame. The classes
of prometheus_client are used only when Prometheus scrapes: to count with them takes three to eight times as long.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as MetricFamily
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# upper bounds in seconds, from the shortest hop on one machine to the time after which a browser gives up
# fmt: off
SECONDS = (
    0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0,
)
# fmt: on

LabelValues = tuple[str, ...]  # in the order of a metric's labels
M = TypeVar("M", bound="Metric")
Reading = float | Mapping[LabelValues, float] | None  # None: there is no value now


class Metric(ABC):
    """A name, a help text and the names of the labels."""

    def __init__(self, name: str, help: str, labels: LabelValues) -> None:
        self.name = name
        self.help = help
        self.labels = labels

    @abstractmethod
    def family(self) -> MetricFamily:
        """The present values, as prometheus_client exports them. A scrape may call this in another thread."""


class Counter(Metric):
    """A number for each combination of label values. It only grows; its name ends in ``_total``."""

    def __init__(self, name: str, help: str, labels: LabelValues) -> None:
        super().__init__(name, help, labels)
        self.values: dict[LabelValues, int] = {} if labels else {(): 0}

    def add(self, number: int, *labels: str) -> None:
        """Count ``number`` more with these label values."""
        self.values[labels] = self.values.get(labels, 0) + number

    @property
    def total(self) -> int:
        """The sum over all label values."""
        return sum(self.values.values())

    def family(self) -> MetricFamily:
        """The present counts."""
        family = CounterMetricFamily(self.name, self.help, labels=self.labels)
        for labels, number in self.values.copy().items():
            family.add_metric(labels, number)
        return family


class Gauge(Metric):
    """A value that is read at each scrape: ``read`` gives one number, or one for each combination of label values."""

    def __init__(self, name: str, help: str, labels: LabelValues, read: Callable[[], Reading]) -> None:
        super().__init__(name, help, labels)
        self.read = read

    def family(self) -> MetricFamily:
        """The values that ``read`` gives now."""
        family = GaugeMetricFamily(self.name, self.help, labels=self.labels)
        reading = self.read()
        if isinstance(reading, Mapping):
            for labels, value in reading.items():
                family.add_metric(labels, value)
        elif reading is not None:
            family.add_metric((), reading)
        return family


class BucketCounts:
    """The values of one histogram: how many are in each bucket, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)  # the last one: more than every bound
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one value. A value below 0, which the difference of two clocks can be, counts as 0."""
        if value < 0:
            value = 0.0
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def cumulative(self) -> list[tuple[str, float]]:
        """Each bound as text, with the number of values up to it."""
        bounds = [*map(str, self.bounds), "+Inf"]
        return [(bound, float(count)) for bound, count in zip(bounds, accumulate(self.counts), strict=True)]


class Histogram(Metric):
    """Bucket counts for each combination of label values."""

    def __init__(self, name: str, help: str, labels: LabelValues, bounds: tuple[float, ...]) -> None:
        super().__init__(name, help, labels)
        self.bounds = bounds
        self.buckets: dict[LabelValues, BucketCounts] = {} if labels else {(): BucketCounts(bounds)}

    def of(self, *labels: str) -> BucketCounts:
        """The bucket counts for these label values. They are exported from the first call on."""
        buckets = self.buckets.get(labels)
        if buckets is None:
            buckets = self.buckets[labels] = BucketCounts(self.bounds)
        return buckets

    def add(self, value: float, *labels: str) -> None:
        """Count one value with these label values."""
        self.of(*labels).add(value)

    def family(self) -> MetricFamily:
        """The present bucket counts."""
        family = HistogramMetricFamily(self.name, self.help, labels=self.labels)
        for labels, buckets in self.buckets.copy().items():
            family.add_metric(labels, buckets.cumulative(), buckets.total)
        return family


class MetricSet(Collector):
    """All metrics of one process: those that a subclass declares, and the CPU and memory of the process.

    A metric without a value is exported with its help text only.
    """

    def __init__(self) -> None:
        self.declared: list[Metric] = []
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def counter(self, name: str, help: str, *labels: str) -> Counter:
        """Declare a counter."""
        return self._declare(Counter(name, help, labels))

    def gauge(self, name: str, help: str, *labels: str, read: Callable[[], Reading] = lambda: None) -> Gauge:
        """Declare a gauge; where ``read`` is not known yet, set it later."""
        return self._declare(Gauge(name, help, labels, read))

    def histogram(self, name: str, help: str, *labels: str, bounds: tuple[float, ...] = SECONDS) -> Histogram:
        """Declare a histogram with these upper bounds of its buckets."""
        return self._declare(Histogram(name, help, labels, bounds))

    def collect(self) -> Iterator[MetricFamily]:
        """The present values of all declared metrics, for prometheus_client."""
        return (each.family() for each in self.declared)

    def text(self) -> bytes:
        """The answer to a scrape, in ``CONTENT_TYPE``."""
        return generate_latest(self.registry)

    def _declare(self, metric: M) -> M:
        self.declared.append(metric)
        return metric
