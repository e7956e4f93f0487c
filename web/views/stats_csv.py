"""The report of a session's statistics as a table, one number in each row."""

import csv
import io
from collections.abc import Iterator, Mapping

import msgspec

from web.views.stats_report import SessionReport

HEADER = ("statistic", "of", "value")
Row = tuple[str, str, object]


def csv_text(report: SessionReport) -> str:
    """The table as CSV, with ``HEADER`` as its first line."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(HEADER)
    table.writerows(rows(report))
    return text.getvalue()


def rows(report: SessionReport) -> Iterator[Row]:
    """The numbers of a report as rows under ``HEADER``.

    The names of nested fields are joined by dots in the column ``of``. An entry of a list is named there by its first
    field, its label or its start.
    """
    for statistic, value in msgspec.to_builtins(report).items():
        if not isinstance(value, list):
            for path, number in _leaves(value):
                yield statistic, ".".join(path), number
            continue
        for entry in value:
            (_, name), *others = entry.items()
            for field, inner in others:
                for path, number in _leaves(inner):
                    yield f"{statistic}.{field}", ".".join([str(name), *path]), number


def _leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, str(key)))
    else:
        yield path, value
