"""Evaluates the part of PromQL that the alert rules use, on recorded scrapes, as Prometheus does.

What it does not know raises NotImplementedError, so that no rule is tested with another meaning. The formulas are
those of Prometheus' documentation and of promql/functions.go: extrapolation in ``rate`` and ``increase``,
interpolation in ``histogram_quantile``, least squares in ``deriv``.
"""

import math
import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

import promql_parser as promql
from prometheus_client.parser import text_string_to_metric_families

LOOKBACK_S = 300.0  # Prometheus' default

Labels = frozenset[tuple[str, str]]  # without the name of the metric
Vector = dict[Labels, float]
Points = list[tuple[float, float]]  # (seconds, value), in order

ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / b if b else math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a),
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
SETS = ("and", "unless", "or")


@dataclass
class Recording:
    """The scrapes of several targets over time. ``up`` is recorded as Prometheus does."""

    series: dict[str, dict[Labels, Points]] = field(default_factory=lambda: defaultdict(dict))
    scrapes: dict[Labels, list[float]] = field(default_factory=lambda: defaultdict(list))  # by target

    def scrape(self, at: float, target: Mapping[str, str], text: str | None) -> None:
        """Add the answer ``text`` of a target at ``at``, in seconds; None if it did not answer."""
        own = frozenset(target.items())
        self.scrapes[own].append(at)
        self._add("up", own, at, 0.0 if text is None else 1.0)
        for family in text_string_to_metric_families(text or ""):
            for sample in family.samples:
                self._add(sample.name, own | frozenset(sample.labels.items()), at, float(sample.value))

    def _add(self, name: str, labels: Labels, at: float, value: float) -> None:
        self.series[name].setdefault(labels, []).append((at, value))

    def selected(self, selector: Any, now: float, seconds: float) -> dict[Labels, Points]:
        """The points of each series that fits, after ``now - seconds`` and not after ``now``."""
        if selector.offset or selector.at:
            raise NotImplementedError("offset and @")
        found = {}
        for labels, points in self.series.get(selector.name, {}).items():
            if all(_fits(each, dict(labels)) for each in selector.matchers.matchers):
                found[labels] = [(at, value) for at, value in points if now - seconds < at <= now]
        return found

    def is_stale(self, labels: Labels, last: float, now: float) -> bool:
        """Whether the series' target was scraped again since its ``last`` point, without this series."""
        times = next(times for target, times in self.scrapes.items() if target <= labels)
        return any(last < at <= now for at in times)


def evaluate(expression: str | Any, recording: Recording, now: float) -> Vector | float:
    """The value of an expression at ``now``: a vector by labels, or a number."""
    node = promql.parse(expression) if isinstance(expression, str) else expression
    match node:
        case promql.NumberLiteral():
            return float(node.val)
        case promql.ParenExpr():
            return evaluate(node.expr, recording, now)
        case promql.VectorSelector():
            found = recording.selected(node, now, LOOKBACK_S)
            return {
                labels: points[-1][1]
                for labels, points in found.items()
                if points and not recording.is_stale(labels, points[-1][0], now)
            }
        case promql.AggregateExpr():
            return _aggregate(node, _vector(node.expr, recording, now))
        case promql.Call():
            return _call(node, recording, now)
        case promql.BinaryExpr():
            return _binary(node, evaluate(node.lhs, recording, now), evaluate(node.rhs, recording, now))
    raise NotImplementedError(type(node).__name__)


def rate(points: Points, start: float, end: float, *, per_second: bool = True) -> float | None:
    """The increase of a counter in a range, extrapolated to its ends; None with fewer than two points."""
    if len(points) < 2:
        return None
    (first_at, first), (last_at, last) = points[0], points[-1]
    resets = sum(before for (_, before), (_, after) in pairwise(points) if after < before)
    increase, sampled = last - first + resets, last_at - first_at
    between = sampled / (len(points) - 1)
    to_start, to_end = first_at - start, end - last_at
    if to_start >= 1.1 * between:
        to_start = between / 2
    if increase > 0 and first >= 0:
        to_start = min(to_start, sampled * first / increase)  # a counter does not begin below zero
    if to_end >= 1.1 * between:
        to_end = between / 2
    whole = increase * (sampled + to_start + to_end) / sampled
    return whole / (end - start) if per_second else whole


def slope(points: Points) -> float | None:
    """The change a second by least squares; None with fewer than two points."""
    if len(points) < 2:
        return None
    mean_at, mean = (sum(each) / len(points) for each in zip(*points, strict=True))
    above = math.fsum((at - mean_at) * (value - mean) for at, value in points)
    return above / math.fsum((at - mean_at) ** 2 for at, _ in points)


def quantile(share: float, buckets: Iterable[tuple[float, float]]) -> float:
    """The quantile of a histogram with these (upper bound, count up to it), by linear interpolation."""
    ordered = sorted(buckets)
    total = ordered[-1][1]
    if len(ordered) < 2 or ordered[-1][0] != math.inf or not total:
        return math.nan
    rank = share * total
    place = next(number for number, (_, count) in enumerate(ordered) if count >= rank)
    if place == len(ordered) - 1:
        return ordered[-2][0]
    low, below = ordered[place - 1] if place else (0.0, 0.0)
    high, count = ordered[place]
    return low + (high - low) * (rank - below) / (count - below)


def _fits(matcher: Any, labels: Mapping[str, str]) -> bool:
    value = labels.get(matcher.name, "")
    kind = str(matcher.op).removeprefix("MatchOp.")
    same = value == matcher.value if kind in ("Equal", "NotEqual") else bool(re.fullmatch(matcher.value, value))
    return same == (kind in ("Equal", "Re"))


def _vector(node: Any, recording: Recording, now: float) -> Vector:
    value = evaluate(node, recording, now)
    if isinstance(value, float):
        raise NotImplementedError("a number where a vector is expected")
    return value


def _kept(labels: Labels, names: Iterable[str]) -> Labels:
    return frozenset((name, value) for name, value in labels if name in set(names))


def _aggregate(node: Any, vector: Vector) -> Vector:
    if node.modifier and str(node.modifier.type) != "AggModifierType.By":
        raise NotImplementedError("without")
    groups: dict[Labels, list[float]] = defaultdict(list)
    for labels, value in vector.items():
        groups[_kept(labels, node.modifier.labels if node.modifier else ())].append(value)
    functions: dict[str, Callable[[list[float]], float]] = {"sum": math.fsum, "min": min, "max": max}
    of = functions[str(node.op)]
    return {labels: of(values) for labels, values in groups.items()}


def _call(node: Any, recording: Recording, now: float) -> Vector:
    name = node.func.name
    if name == "histogram_quantile":
        share = float(node.args[0].val)
        buckets: dict[Labels, list[tuple[float, float]]] = defaultdict(list)
        for labels, count in _vector(node.args[1], recording, now).items():
            bound = float(dict(labels)["le"].replace("+Inf", "inf"))
            buckets[frozenset((key, text) for key, text in labels if key != "le")].append((bound, count))
        return {labels: quantile(share, each) for labels, each in buckets.items()}
    functions: dict[str, Callable[[Points, float, float], float | None]] = {
        "rate": rate,
        "increase": lambda points, start, end: rate(points, start, end, per_second=False),
        "deriv": lambda points, start, end: slope(points),
    }
    if name not in functions:
        raise NotImplementedError(name)
    [matrix] = node.args
    span: timedelta = matrix.range
    found = recording.selected(matrix.vector_selector, now, span.total_seconds())
    values = {each: functions[name](points, now - span.total_seconds(), now) for each, points in found.items()}
    return {labels: value for labels, value in values.items() if value is not None}


def _binary(node: Any, left: Vector | float, right: Vector | float) -> Vector | float:
    operation = str(node.op)
    if node.modifier and (node.modifier.return_bool or node.modifier.group_labels):
        raise NotImplementedError("bool, group_left and group_right")
    matching = node.modifier.matching if node.modifier else None
    if matching and str(matching.type) != "LabelModifierType.Include":
        raise NotImplementedError("ignoring")

    def key(labels: Labels) -> Labels:
        return _kept(labels, matching.labels) if matching else labels

    if isinstance(left, float) and isinstance(right, float):
        return ARITHMETIC[operation](left, right)
    if operation in SETS and isinstance(left, dict) and isinstance(right, dict):
        keys = {key(labels) for labels in (left if operation == "or" else right)}
        if operation == "or":
            return left | {labels: value for labels, value in right.items() if key(labels) not in keys}
        return {labels: value for labels, value in left.items() if (key(labels) in keys) == (operation == "and")}
    pairs: dict[Labels, tuple[float, float]] = {}
    if isinstance(left, dict) and isinstance(right, dict):
        others = {key(labels): value for labels, value in right.items()}
        if len(others) < len(right):
            raise NotImplementedError("several matches on the right")
        pairs = {labels: (value, others[key(labels)]) for labels, value in left.items() if key(labels) in others}
    elif isinstance(left, dict):
        pairs = {labels: (value, float(right)) for labels, value in left.items()}  # type: ignore[arg-type]
    else:
        pairs = {labels: (left, value) for labels, value in right.items()}  # type: ignore[union-attr]
    if operation in COMPARISONS:
        kept = {labels: pair for labels, pair in pairs.items() if COMPARISONS[operation](*pair)}
        return {labels: a if isinstance(left, dict) else b for labels, (a, b) in kept.items()}
    return {labels: ARITHMETIC[operation](*pair) for labels, pair in pairs.items()}
