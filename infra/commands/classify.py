"""`sightstream classify`: label pictures from the command line, without a stack."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.commands.edge import Command
from models.engines.registry import ENGINES
from models.picture_folder import look_into, shown, utf8

if TYPE_CHECKING:
    from models.classifier import Classifier, Label

BATCH = 8
BAR = 24  # characters for a probability of 1


@dataclass(frozen=True, slots=True)
class Result:
    """The labels of one file, or the error that it gave."""

    file: Path
    labels: "Sequence[Label]" = ()
    error: str = ""


ENGINE = click.option(
    "--engine",
    type=click.Choice(ENGINES),
    show_default="SIGHTSTREAM_ENGINE, or openvino",
    help="The software that runs the network.",
)
WEIGHTS = click.option(
    "--weights",
    type=click.Path(path_type=Path, dir_okay=False),
    show_default="the published weights",
    help="A file of Keras weights for the model, if it is inception_v3.",
)


@click.command("classify", cls=Command, example="sightstream classify --model efficientnet_lite0 holiday/ cat.jpg")
@click.option(
    "--model",
    metavar="M",
    show_default="the first of SIGHTSTREAM_MODELS, or efficientnet_lite2",
    help="A published network (see `sightstream models list`), or the path of a bundle folder; write ./NAME for a "
    "folder that has the name of a published network.",
)
@WEIGHTS
@ENGINE
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each file instead of text.")
@click.argument("paths", metavar="PATH...", type=click.Path(path_type=Path), nargs=-1, required=True)
def classify(
    model: str | None, weights: Path | None, engine: str | None, as_json: bool, paths: tuple[Path, ...]
) -> None:
    """Label pictures without a stack.

    PATH is a picture, or a folder whose pictures are labelled. The exit status is 1 if a file could not be read.
    """
    classifier = _classifier(model, weights, engine)
    if not as_json:
        click.echo(f"{classifier.model} {classifier.version}, {classifier.engine} {classifier.precision}\n")
    unreadable = False
    for result in results(classifier, paths):
        click.echo(_json(classifier, result) if as_json else _text(result))
        unreadable |= bool(result.error)
    raise SystemExit(int(unreadable))


def results(classifier: "Classifier", paths: Iterable[Path]) -> Iterator[Result]:
    """Label each picture, in the order of `paths`. The next pictures are decoded while the engine runs."""
    import numpy as np

    from models.images import read_ahead

    files = list(_files(paths))
    decoded = zip(files, read_ahead(files, classifier.view), strict=True)
    while window := list(islice(decoded, BATCH)):
        pictures = [pixels for _, pixels in window if not isinstance(pixels, str)]
        # (n, size, size, 3) uint8
        labels = iter(classifier.classify(np.stack(pictures)) if pictures else [])
        for file, pixels in window:
            if not isinstance(pixels, str):
                yield Result(file, next(labels))
            else:
                yield Result(file, error="no picture in this folder" if file.is_dir() else pixels)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files, and for a folder the pictures in it or, if there are none, the folder.

    What is left out of a folder is said on stderr.
    """
    for path in paths:
        listing = None
        if path.is_dir():
            with suppress(OSError):  # who reads it names the error
                listing = look_into(path)
        for remark in listing.remarks() if listing else []:
            click.echo(f"{shown(path)}: {remark}", err=True)
        yield from (listing.files if listing else ()) or [path]


def _classifier(model: str | None, weights: Path | None, engine: str | None) -> "Classifier":
    from models.catalog import find
    from models.classifier import Classifier
    from models.engines.base import EngineOptions
    from streams.contract.settings import Settings

    settings = Settings.from_environ()
    bundle = find(model or settings.models[0], settings.cache, weights, settings.registry)
    options = EngineOptions(settings.cache, engine or settings.engine, settings.precision, settings.threads)
    return Classifier.load(bundle, options)


def _json(classifier: "Classifier", result: Result) -> str:
    if result.error:
        return json.dumps({"file": utf8(str(result.file)), "error": result.error})
    return json.dumps(
        {
            "file": utf8(str(result.file)),
            "model": classifier.model,
            "version": classifier.version,
            "engine": classifier.engine,
            "labels": [asdict(label) for label in result.labels],
        }
    )


def _text(result: Result) -> str:
    if result.error:
        return f"{shown(result.file)}\n  {click.style(result.error, fg='red')}"
    width = max(len(label.label) for label in result.labels)
    lines = [
        f"  {label.label:<{width}}  {label.probability:6.1%}  {'█' * round(label.probability * BAR)}".rstrip()
        for label in result.labels
    ]
    return "\n".join([shown(result.file), *lines])
