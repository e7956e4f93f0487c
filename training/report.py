"""The report of a training or an evaluation: one HTML file that needs nothing else, neither network nor folder."""

import base64
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from models.images import CENTRE_CROP, BadFrame, read_picture
from training import plots
from training.scores import Answers, Confusion, Scores

PAIRS = 12
MISTAKEN = 2  # pictures of each pair
STRANGERS = 12
HARD = 8  # of the hardest pictures so many are shown however easy, and more below this probability
EASY = 0.95
THUMBNAIL = 112  # pixels a side
CLASSES = 25  # rows that are seen at once
LISTED = 12  # values of a list in `about`

_QUALITY = 78


@dataclass(frozen=True)
class Shown:
    """A picture, as a data URI (empty where it cannot be read any more), with what is said of it."""

    file: str
    uri: str
    truth: str
    answer: str
    probability: float  # that the answer got
    given: float  # that the truth got
    none: bool


@dataclass(frozen=True)
class Pair:
    """Two classes that were confused: some mistaken pictures, and one that is what they were taken for."""

    truth: str
    answer: str
    count: int
    mistaken: list[Shown]
    like: Shown | None


def write_report(
    path: Path,
    *,
    title: str,
    scores: Scores,
    answers: Answers,
    picture_root: Path,
    about: Mapping[str, Any],
    curves: Mapping[str, list[float]] = {},  # never changed
) -> None:
    """Writes the report to `path` at once, in the place of one that is there.

    The files of `answers` are relative to `picture_root`, or absolute; at most 72 of them are embedded, as the model
    saw them: cut to `about["crop"]` of their short side. `curves` have a value a step, or an epoch. Raises OSError.
    """
    album = _Album(answers, picture_root, about)
    page = (
        _environment()
        .get_template("report.html")
        .render(
            title=title,
            written=datetime.now(UTC),
            scores=scores,
            pairs=[_pair(each, album) for each in scores.confusions[:PAIRS]],
            hardest=[
                album.show(each.index)
                for place, each in enumerate(scores.hardest)
                if place < HARD or each.probability < EASY
            ],
            strangers=[album.show(index) for index in _named_strangers(answers)],
            charts=plots.charts(curves),
            reliability=plots.reliability(scores.bins),
            plots=plots,
            about=list(sections(about)),
            rows_seen=CLASSES,
            side=THUMBNAIL,
        )
    )
    _write(path, page.encode("utf-8", "replace"))  # a file's name need not be text


def sections(about: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """What is known of a model, for people: single values first, then each group of them under its name."""
    single = [(_words(key), _text(value)) for key, value in about.items() if not isinstance(value, Mapping)]
    if single:
        yield "", single
    for key, value in about.items():
        if isinstance(value, Mapping) and value:
            yield _words(key), list(_rows(value))


def _rows(group: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for key, value in group.items():
        if isinstance(value, Mapping):
            yield from _rows(value, f"{before}{_words(key)} › ")
        else:
            yield before + _words(key), _text(value)


def _words(key: object) -> str:
    return str(key).replace("_", " ")


def _text(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        more = f" and {len(value) - LISTED} more" if len(value) > LISTED else ""
        return (", ".join(map(_text, value[:LISTED])) or "–") + more
    return str(value)


def _named_strangers(answers: Answers) -> list[int]:
    """The outside pictures that were named all the same, the surest first."""
    named = np.flatnonzero((answers.truth < 0) & ~answers.none)
    surest = np.argsort(-answers.probabilities[named].max(axis=1, initial=0), kind="stable")
    return [int(at) for at in named[surest][:STRANGERS]]


def _pair(confusion: Confusion, album: "_Album") -> Pair:
    labels = album.answers.labels
    mistaken = [album.show(index) for index in confusion.examples[:MISTAKEN]]
    return Pair(
        labels[confusion.truth], labels[confusion.answer], confusion.count, mistaken, album.typical(confusion.answer)
    )


def _short(file: str) -> str:
    """A report is handed on: of an absolute path it tells the end, not where its maker keeps things."""
    path = PurePath(file)
    return "/".join(path.parts[-3:]) if path.is_absolute() else file


class _Album:
    """The pictures that a report shows, each read once."""

    def __init__(self, answers: Answers, root: Path, about: Mapping[str, Any]) -> None:
        self.answers = answers
        self._root = root
        crop = about.get("crop")
        self._crop = crop if isinstance(crop, int | float) and 0 < crop <= 1 else CENTRE_CROP
        self._uris: dict[int, str] = {}

    def show(self, index: int) -> Shown:
        answers, row = self.answers, self.answers.probabilities[index]
        truth, answer = int(answers.truth[index]), int(row.argmax())
        if index not in self._uris:
            self._uris[index] = self._uri(answers.files[index])
        return Shown(
            _short(answers.files[index]),
            self._uris[index],
            answers.labels[truth] if truth >= 0 else "",
            answers.labels[answer],
            float(row[answer]),
            float(row[truth]) if truth >= 0 else 0.0,
            bool(answers.none[index]),
        )

    def typical(self, label: int) -> Shown | None:
        """The picture of a class that is most clearly one of it, if there is any."""
        own = np.flatnonzero(self.answers.truth == label)
        return self.show(int(own[self.answers.probabilities[own, label].argmax()])) if len(own) else None

    def _uri(self, file: str) -> str:
        try:
            pixels = read_picture(self._root / file, THUMBNAIL, self._crop)
        except (BadFrame, OSError):
            return ""
        jpeg = BytesIO()
        Image.fromarray(pixels).save(jpeg, "JPEG", quality=_QUALITY, optimize=True)
        return f"data:image/jpeg;base64,{base64.b64encode(jpeg.getvalue()).decode()}"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("training"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda share, digits=1: "–" if share is None else f"{share:.{digits}%}"
    return environment


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)  # mkstemp's files are their owner's alone
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
