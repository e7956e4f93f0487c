"""Metrics are declared once, counted in plain numbers, and exported as Prometheus reads them."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from streams.contract.prometheus import BucketCounts, MetricSet


def samples(metrics: MetricSet) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
        if not sample.name.startswith("process_")
    }


def sample(metrics: MetricSet, name: str, **labels: str) -> float:
    return samples(metrics)[name, frozenset(labels.items())]


def test_every_metric_is_exported_with_its_help_before_it_has_a_value() -> None:
    metrics = MetricSet()
    metrics.counter("c_total", "A counter.", "reason")
    metrics.gauge("g", "A gauge.")
    metrics.histogram("h", "A histogram.", "model")
    text = metrics.text().decode()
    assert "# HELP c_total A counter.\n# TYPE c_total counter\n" in text
    assert "# HELP g A gauge.\n# TYPE g gauge\n" in text
    assert "# HELP h A histogram.\n# TYPE h histogram\n" in text
    assert samples(metrics) == {}


def test_a_counter_without_labels_begins_at_zero() -> None:
    metrics = MetricSet()
    frames = metrics.counter("frames_total", "Frames.")
    assert sample(metrics, "frames_total") == 0
    frames.add(2)
    frames.add(1)
    assert sample(metrics, "frames_total") == frames.total == 3


def test_a_counter_counts_each_combination_of_labels_apart() -> None:
    metrics = MetricSet()
    drops = metrics.counter("drops_total", "Drops.", "reason", "stage")
    drops.add(1, "late", "worker")
    drops.add(2, "late", "gateway")
    drops.add(3, "late", "worker")
    assert sample(metrics, "drops_total", reason="late", stage="worker") == 4
    assert sample(metrics, "drops_total", reason="late", stage="gateway") == 2
    assert drops.total == 6


def test_a_gauge_is_read_at_each_scrape() -> None:
    metrics = MetricSet()
    sockets: list[str] = []
    metrics.gauge("sockets", "Sockets.", read=lambda: len(sockets))
    assert sample(metrics, "sockets") == 0
    sockets.append("one")
    assert sample(metrics, "sockets") == 1


def test_a_gauge_may_have_no_value_now() -> None:
    metrics = MetricSet()
    gauge = metrics.gauge("g", "A gauge.")
    assert samples(metrics) == {}
    gauge.read = lambda: 5.0
    assert sample(metrics, "g") == 5


def test_a_gauge_with_labels_has_the_values_of_a_mapping() -> None:
    metrics = MetricSet()
    metrics.gauge("lag", "Lag.", "partition", read=lambda: {("0",): 3, ("1",): 0})
    assert sample(metrics, "lag", partition="0") == 3
    assert sample(metrics, "lag", partition="1") == 0


def test_a_histogram_counts_up_to_each_bound_and_sums() -> None:
    metrics = MetricSet()
    seconds = metrics.histogram("seconds", "Seconds.", bounds=(1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 7.0):
        seconds.add(value)
    assert sample(metrics, "seconds_bucket", le="1.0") == 2
    assert sample(metrics, "seconds_bucket", le="2.0") == 3
    assert sample(metrics, "seconds_bucket", le="+Inf") == sample(metrics, "seconds_count") == 4
    assert sample(metrics, "seconds_sum") == 10


def test_a_histogram_with_labels_has_buckets_for_each_combination() -> None:
    metrics = MetricSet()
    seconds = metrics.histogram("seconds", "Seconds.", "hop")
    seconds.add(0.004, "queued")
    seconds.of("decoded")
    assert sample(metrics, "seconds_count", hop="queued") == 1
    assert sample(metrics, "seconds_count", hop="decoded") == 0


@pytest.mark.parametrize("value", [-0.5, 0.0])
def test_a_negative_value_counts_as_zero(value: float) -> None:
    counts = BucketCounts((0.0, 1.0))
    counts.add(value)
    assert counts.cumulative() == [("0.0", 1.0), ("1.0", 1.0), ("+Inf", 1.0)]
    assert counts.total == 0


def test_the_process_itself_is_exported() -> None:
    assert b"process_cpu_seconds_total" in MetricSet().text()
