"""Charts: the positions of lines and bars."""

import math

import pytest

from training import plots
from training.scores import Bin

RIGHT = plots.WIDTH - plots.RIGHT
BOTTOM = plots.HEIGHT - plots.BOTTOM


def points(line: plots.Line) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (point.split(",") for point in line.points.split())]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.3, 4.8, [0, 1, 2, 3, 4, 5]),
        (-3, 12, [-5, 0, 5, 10, 15]),
        (0.61, 0.64, [0.61, 0.62, 0.63, 0.64]),
        (1000, 1e6, [0, 2e5, 4e5, 6e5, 8e5, 1e6]),
    ],
)
def test_ticks_are_round_and_enclose(low: float, high: float, expected: list[float]) -> None:
    assert plots.ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize("value", [0.0, 2.5, -1e-9])
def test_ticks_of_a_single_value_lie_around_it(value: float) -> None:
    marks = plots.ticks(value, value)
    assert marks[0] < value < marks[-1]


def test_curves_of_the_same_quantity_share_a_chart() -> None:
    found = plots.charts(
        {"training loss": [2, 1], "loss on train": [2, 1], "val_loss": [2.0], "loss": [3], "accuracy on valid": [0.5]}
    )
    assert [(chart.title, [line.name for line in chart.lines]) for chart in found] == [
        ("loss", ["training loss", "loss on train", "val loss", "loss"]),
        ("accuracy", ["accuracy on valid"]),
    ]


def test_curves_by_step_and_by_epoch_end_at_the_same_place() -> None:
    (chart,) = plots.charts({"training loss": [4.0, 3.0, 2.0, 1.0], "validation loss": [3.0, 2.0]})
    steps, epochs = map(points, (line for line in chart.lines))
    assert steps[-1][0] == epochs[-1][0] == RIGHT
    assert epochs[0] == steps[1]  # after half of the training both say 3
    assert [tick.text for tick in chart.x] == ["1", "2", "4"]


def test_higher_values_are_drawn_higher_and_all_inside() -> None:
    (chart,) = plots.charts({"loss": [0.0, 5.0, 2.0]})
    heights = [y for _, y in points(chart.lines[0])]
    assert heights[1] < heights[2] < heights[0]
    assert all(plots.TOP <= y <= BOTTOM for y in heights)


def test_values_that_are_no_numbers_leave_the_rest() -> None:
    curves = {"a loss": [1.0, math.nan, 2.0], "b loss": [math.nan], "c gap": [math.inf], "d norm": []}
    (chart,) = plots.charts(curves)
    assert [line.name for line in chart.lines] == ["a loss"]
    assert len(points(chart.lines[0])) == 2


def test_long_curve_is_thinned_to_means() -> None:
    (chart,) = plots.charts({"loss": [float(at % 2) for at in range(10_000)]})
    assert len(points(chart.lines[0])) <= plots.POINTS
    assert len({y for _, y in points(chart.lines[0])}) == 1


def test_shares_are_written_in_percent_and_losses_are_not() -> None:
    accuracy, loss = plots.charts({"accuracy": [0.25, 0.5], "loss": [0.25, 0.5]})
    assert accuracy.lines[0].last == "50%"
    assert loss.lines[0].last == "0.5"


def test_well_calibrated_bin_reaches_its_confidence() -> None:
    bins = [Bin(0.0, 0.5, 0, None, None), Bin(0.5, 1.0, 8, 0.75, 0.75)]
    diagram = plots.reliability(bins)
    (column,) = diagram.columns
    assert column.top == column.confidence
    assert column.count_height == plots.COUNTS
    x1, y1, x2, y2 = diagram.diagonal
    middle = column.x + column.width / 2
    assert y1 + (y2 - y1) * (middle - x1) / (x2 - x1) == pytest.approx(column.top, abs=0.2)
    assert column.text == "8 answers with confidence 50% to 100%: mean confidence 75.0%, accuracy 75.0%"
