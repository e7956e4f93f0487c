"""The report of a training or an evaluation: one HTML file that needs no other file and no network."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from models.images import BadFrame, read_picture
from models.storage import write_file
from training import plots
from training.scores import Answers, Confusion, Scores

PAIRS = 12  # confused pairs of classes
EXAMPLES_PER_PAIR = 2
OUTSIDE_PICTURES = 12
ALWAYS_SHOWN = 8  # this many of the hardest pictures are always shown, and more if their probability is below EASY
EASY = 0.95
THUMBNAIL = 112  # pixels a side
VISIBLE_CLASSES = 25  # table rows that are not folded away
LISTED_VALUES = 12  # of a list in `about`
ROOM = 1_000_000  # bytes, more than a report takes

_QUALITY = 78  # of the JPEG thumbnails


@dataclass(frozen=True)
class Thumbnail:
    """A picture as a data URI, which is empty if the file cannot be read any more, and the model's answer to it.

    `probability` is that of the answer, `truth_probability` that of the true class. `truth` is empty for an outside
    picture.
    """

    file: str
    uri: str
    truth: str
    answer: str
    probability: float
    truth_probability: float
    abstained: bool


@dataclass(frozen=True)
class ConfusedPair:
    """Two classes that were confused: some of the mistakes, and a correct picture of the class that was answered."""

    truth: str
    answer: str
    count: int
    mistakes: list[Thumbnail]
    correct: Thumbnail | None


def write_report(
    path: Path,
    *,
    title: str,
    scores: Scores,
    answers: Answers,
    picture_root: Path,
    crop: float,
    about: Mapping[str, Any],
    curves: Mapping[str, list[float]] = {},  # never changed
    setting: str = "--report",
) -> None:
    """Writes the report to `path` as `storage.write_file` does; `setting` is what names another path.

    The files of `answers` are absolute or relative to `picture_root`. At most 72 of them are embedded, cut to
    `crop` of their short side, as the model got them. `curves` have a value a step or an epoch. Raises
    storage.Unwritable.
    """
    thumbnails = _Thumbnails(answers, picture_root, crop)
    page = (
        _environment()
        .get_template("report.html")
        .render(
            title=title,
            written=datetime.now(UTC),
            scores=scores,
            pairs=[_pair(each, thumbnails) for each in scores.confusions[:PAIRS]],
            hardest=[
                thumbnails.of(each.index)
                for place, each in enumerate(scores.hardest)
                if place < ALWAYS_SHOWN or each.probability < EASY
            ],
            outside=[thumbnails.of(index) for index in _named_outside_pictures(answers)],
            charts=plots.charts(curves),
            reliability=plots.reliability(scores.bins),
            plots=plots,
            about=list(sections(about)),
            visible_classes=VISIBLE_CLASSES,
            side=THUMBNAIL,
        )
    )
    write_file(path, page.encode("utf-8", "replace"), setting)  # a file name is not always valid text


def sections(about: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """What is known about a model, as (title, rows): single values first, without a title, then each group."""
    single = [(_words(key), _text(value)) for key, value in about.items() if not isinstance(value, Mapping)]
    if single:
        yield "", single
    for key, value in about.items():
        if isinstance(value, Mapping) and value:
            yield _words(key), list(_rows(value))


def _rows(group: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in group.items():
        if isinstance(value, Mapping):
            yield from _rows(value, f"{prefix}{_words(key)} › ")
        else:
            yield prefix + _words(key), _text(value)


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
        more = f" and {len(value) - LISTED_VALUES} more" if len(value) > LISTED_VALUES else ""
        return (", ".join(map(_text, value[:LISTED_VALUES])) or "–") + more
    return str(value)


def _named_outside_pictures(answers: Answers) -> list[int]:
    """The indices of outside pictures that got a class, those with the highest confidence first."""
    named = np.flatnonzero((answers.truth < 0) & ~answers.abstained)
    order = np.argsort(-answers.probabilities[named].max(axis=1, initial=0), kind="stable")
    return [int(index) for index in named[order][:OUTSIDE_PICTURES]]


def _pair(confusion: Confusion, thumbnails: "_Thumbnails") -> ConfusedPair:
    labels = thumbnails.answers.labels
    return ConfusedPair(
        labels[confusion.truth],
        labels[confusion.answer],
        confusion.count,
        [thumbnails.of(index) for index in confusion.examples[:EXAMPLES_PER_PAIR]],
        thumbnails.clearest(confusion.answer),
    )


def _short(file: str) -> str:
    """The file name; of an absolute path only the last three parts, because a report is shared with other people."""
    path = PurePath(file)
    return "/".join(path.parts[-3:]) if path.is_absolute() else file


class _Thumbnails:
    """The thumbnails of a report; each picture is read once."""

    def __init__(self, answers: Answers, root: Path, crop: float) -> None:
        self.answers = answers
        self._root = root
        self._crop = crop
        self._uris: dict[int, str] = {}

    def of(self, index: int) -> Thumbnail:
        answers, row = self.answers, self.answers.probabilities[index]
        truth, answer = int(answers.truth[index]), int(row.argmax())
        if index not in self._uris:
            self._uris[index] = self._uri(answers.files[index])
        return Thumbnail(
            _short(answers.files[index]),
            self._uris[index],
            answers.labels[truth] if truth >= 0 else "",
            answers.labels[answer],
            float(row[answer]),
            float(row[truth]) if truth >= 0 else 0.0,
            bool(answers.abstained[index]),
        )

    def clearest(self, label: int) -> Thumbnail | None:
        """The picture of a class that got the highest probability for it; None if the class has no pictures."""
        own = np.flatnonzero(self.answers.truth == label)
        return self.of(int(own[self.answers.probabilities[own, label].argmax()])) if len(own) else None

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
