"""The positions of lines and bars in a report's charts, in the pixels of an SVG. The template draws them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.picture_folder import counted
from training.scores import Bin

WIDTH, HEIGHT = 400, 240
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 30
COUNTS = 36  # pixels of the height for the bars of counts
GAP = 8  # pixels between the diagram and these bars
POINTS = 300  # a longer curve is averaged to at most this many points


@dataclass(frozen=True)
class Tick:
    """A value on an axis: its position in pixels, and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Line:
    """A curve as the points of an SVG polyline, and the text of its last value."""

    name: str
    points: str
    last: str


@dataclass(frozen=True)
class Chart:
    """Curves over the steps of a training, with their axes."""

    title: str
    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Column:
    """A bin of a reliability diagram: its accuracy, mean confidence and count in pixels, and its tooltip."""

    x: float
    width: float
    top: float
    height: float
    confidence: float
    count_top: float
    count_height: float
    text: str


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram: accuracy by confidence (DeGroot & Fienberg 1983; Guo et al. 2017, figure 1)."""

    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    diagonal: tuple[float, float, float, float]
    columns: tuple[Column, ...]
    counts_bottom: float


def charts(curves: Mapping[str, Sequence[float]]) -> list[Chart]:
    """One chart for each quantity: "loss on train", "loss on valid" and "training loss" share a chart.

    The values of a curve are spread over the whole training, so a curve by step and a curve by epoch have the same
    width. Curves without a finite value are left out.
    """
    groups: dict[str, dict[str, Sequence[float]]] = {}
    for key, values in curves.items():
        if any(map(math.isfinite, values)):
            name = " ".join(key.replace("_", " ").split()) or "value"
            quantity, on, _ = name.partition(" on ")
            groups.setdefault(quantity if on else name.split()[-1], {})[name] = values
    return [_chart(title, group) for title, group in groups.items()]


def reliability(bins: Sequence[Bin]) -> Reliability:
    """The reliability diagram of bins that cover 0 to 1."""
    bottom = HEIGHT - BOTTOM - COUNTS - GAP
    width, height = WIDTH - LEFT - RIGHT, bottom - TOP
    most = max((each.count for each in bins), default=0) or 1
    columns = []
    for each in bins:
        if each.accuracy is None or each.confidence is None:
            continue
        count_height = each.count / most * COUNTS
        columns.append(
            Column(
                x=_px(LEFT + each.low * width + 1),
                width=_px((each.high - each.low) * width - 2),
                top=_px(bottom - each.accuracy * height),
                height=_px(each.accuracy * height),
                confidence=_px(bottom - each.confidence * height),
                count_top=_px(HEIGHT - BOTTOM - count_height),
                count_height=_px(count_height),
                text=f"{counted(each.count, 'answer')} with confidence {each.low:.0%} to {each.high:.0%}: "
                f"mean confidence {each.confidence:.1%}, accuracy {each.accuracy:.1%}",
            )
        )
    fifths = [at / 5 for at in range(6)]
    return Reliability(
        x=tuple(Tick(_px(LEFT + at * width), f"{at:.0%}") for at in fifths),
        y=tuple(Tick(_px(bottom - at * height), f"{at:.0%}") for at in fifths),
        diagonal=(LEFT, bottom, LEFT + width, TOP),
        columns=tuple(columns),
        counts_bottom=HEIGHT - BOTTOM,
    )


def ticks(low: float, high: float, count: int = 6) -> list[float]:
    """About `count` round values that cover `low` to `high` (Heckbert 1990, "Nice numbers for graph labels")."""
    if not high > low:
        low, high = low - (abs(low) or 1) / 2, low + (abs(low) or 1) / 2
    rough = (high - low) / (count - 1)
    scale = 10.0 ** math.floor(math.log10(rough))
    step = next(nice for nice in (1, 2, 5, 10) if rough / scale <= nice * (1 + 1e-9)) * scale
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [at * step for at in range(first, last + 1)]


def _chart(title: str, group: Mapping[str, Sequence[float]]) -> Chart:
    finite = [value for values in group.values() for value in values if math.isfinite(value)]
    shares = "loss" not in title and min(finite) >= 0 and max(finite) <= 1
    marks = ticks(min(finite), max(finite))
    low, high = marks[0], marks[-1]
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def text(value: float) -> str:
        return f"{value * 100:.4g}%" if shares else f"{value:.4g}"

    def line(name: str, values: Sequence[float]) -> Line:
        finite_points = [(end, mean) for end, mean in _thinned(values) if math.isfinite(mean)]
        points = [
            f"{_px(LEFT + end * width)},{_px(TOP + (high - mean) / (high - low) * height)}"
            for end, mean in finite_points
        ]
        return Line(name, " ".join(points), text(next(value for value in reversed(values) if math.isfinite(value))))

    steps = max(map(len, group.values()))
    marked_steps = sorted({1, steps // 2, steps} - {0})
    return Chart(
        title,
        x=tuple(Tick(_px(LEFT + at / steps * width), f"{at:,}") for at in marked_steps),
        y=tuple(Tick(_px(TOP + (high - mark) / (high - low) * height), text(mark)) for mark in marks),
        lines=tuple(line(name, values) for name, values in group.items() if any(map(math.isfinite, values))),
    )


def _thinned(values: Sequence[float]) -> list[tuple[float, float]]:
    """At most POINTS points of a curve: the position of each, 0 to 1, and the mean of the values up to there."""
    size = math.ceil(len(values) / POINTS)
    parts = [(min(at + size, len(values)), values[at : at + size]) for at in range(0, len(values), size)]
    return [(end / len(values), math.fsum(part) / len(part)) for end, part in parts]


def _px(value: float) -> float:
    return round(value, 1)
