"""Counting that costs a frame next to nothing, and is put into Prometheus' words only when it is read.

Whoever counts keeps plain numbers, dictionaries and ``BucketCounts``; an ``Exporter`` asks for them at a scrape.
Where this was measured, to count a duration took 0.3 µs, where prometheus_client's own histogram took 1.9 µs and its
counter 0.8 µs: with seven durations a frame that is a gateway's 2 µs instead of 14.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# seconds; from what a hop on one machine takes to what a browser gives up
SECONDS = (
    0.001,
    0.002,
    0.003,
    0.005,
    0.0075,
    0.01,
    0.015,
    0.02,
    0.03,
    0.05,
    0.075,
    0.1,
    0.15,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
)


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A metric's name, kind, meaning and labels; a counter's name ends in ``_total``."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()

    def sampled_as(self) -> set[str]:
        """The names under which Prometheus stores it."""
        if self.kind == "histogram":
            return {f"{self.name}_{part}" for part in ("bucket", "sum", "count")}
        return {self.name}


class BucketCounts:
    """A histogram of amounts, by default of seconds: how many were at most each bound, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)  # the last one: more than every bound
        self.total = 0.0

    def add(self, amount: float) -> None:
        """Count one; an amount below 0, which two clocks can make, is 0."""
        if amount < 0:
            amount = 0.0
        self.counts[bisect_left(self.bounds, amount)] += 1
        self.total += amount

    def buckets(self) -> list[tuple[str, float]]:
        """Prometheus' buckets: each bound with the count of all up to it."""
        bounds = [*map(str, self.bounds), "+Inf"]
        return [(bound, float(count)) for bound, count in zip(bounds, accumulate(self.counts), strict=True)]


Sample = tuple[MetricSpec, tuple[str, ...], float | BucketCounts]  # a metric, its labels' values, its value


class Exporter(Collector):
    """What one process tells Prometheus: the samples that ``read`` gives at each scrape, and how the process is.

    ``named`` are all the metrics there can be; one without a sample is told with its meaning and no value.
    """

    def __init__(self, named: Iterable[MetricSpec], read: Callable[[], Iterable[Sample]]) -> None:
        self.named = tuple(named)
        self.read = read
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    @property
    def registry(self) -> CollectorRegistry:
        """For prometheus_client's own server."""
        return self._registry

    def collect(self) -> Iterator[Metric]:
        """The metrics, as prometheus_client wants them."""
        families = {each.name: _family(each) for each in self.named}
        for named, labels, value in self.read():
            family = families[named.name]
            if isinstance(value, BucketCounts):
                assert isinstance(family, HistogramMetricFamily)
                family.add_metric(labels, value.buckets(), value.total)
            else:
                assert isinstance(family, CounterMetricFamily | GaugeMetricFamily)
                family.add_metric(labels, value)
        yield from families.values()

    def text(self) -> bytes:
        """The answer to a scrape, in ``CONTENT_TYPE``."""
        return generate_latest(self._registry)


def _family(named: MetricSpec) -> Metric:
    if named.kind == "histogram":
        return HistogramMetricFamily(named.name, named.meaning, labels=named.labels)
    if named.kind == "counter":
        return CounterMetricFamily(named.name, named.meaning, labels=named.labels)
    return GaugeMetricFamily(named.name, named.meaning, labels=named.labels)
