"""`sightstream classify`: pictures from the command line, labelled without a stack."""

import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from models.classifier import Classifier, Label

BATCH = 8
DECODERS = 2
BAR = 24


@dataclass(frozen=True, slots=True)
class Sight:
    """What came of one file: its labels, or what is wrong with it."""

    file: Path
    labels: "Sequence[Label]" = ()
    error: str = ""


@click.command("classify")
@click.option("--model", metavar="M", help="A published model or a bundle folder.  [default: efficientnet_lite2]")
@click.option(
    "--weights", type=click.Path(path_type=Path, dir_okay=False), help="A Keras weights file for inception_v3."
)
@click.option("--engine", type=click.Choice(["openvino", "tensorflow"]), help="What runs it.  [default: openvino]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per file.")
@click.argument("paths", metavar="PATH…", type=click.Path(path_type=Path), nargs=-1, required=True)
def classify(
    model: str | None, weights: Path | None, engine: str | None, as_json: bool, paths: tuple[Path, ...]
) -> None:
    """Label pictures, and those in folders. Ends with 1 when a file could not be read."""
    classifier = _classifier(model, weights, engine)
    if not as_json:
        click.echo(f"{classifier.model} {classifier.version}, {classifier.engine} {classifier.precision}\n")
    unreadable = False
    for sight in look(classifier, paths):
        click.echo(_json(classifier, sight) if as_json else _text(sight))
        unreadable |= bool(sight.error)
    raise SystemExit(int(unreadable))


def look(classifier: "Classifier", paths: Iterable[Path]) -> Iterator[Sight]:
    """What each picture shows, in the order of `paths`; the next ones are decoded while the engine runs."""
    import numpy as np

    sights = _decoded(paths, classifier.input_size)
    while window := list(islice(sights, BATCH)):
        pictures = [picture for _, picture in window if picture is not None]
        # (n, size, size, 3) uint8
        labels = iter(classifier.classify(np.stack(pictures)) if pictures else [])
        for sight, picture in window:
            yield sight if picture is None else Sight(sight.file, next(labels))


def _decoded(paths: Iterable[Path], size: int) -> "Iterator[tuple[Sight, NDArray[np.uint8] | None]]":
    """Each file with its picture, or with its error; read by a few threads, a little ahead."""
    from models.images import BadFrame, read_picture

    def read(sight: Sight) -> "tuple[Sight, NDArray[np.uint8] | None]":
        if sight.error:
            return sight, None
        try:
            return sight, read_picture(sight.file, size)
        except OSError as error:
            return Sight(sight.file, error=error.strerror or str(error)), None
        except BadFrame as error:
            return Sight(sight.file, error=str(error)), None

    files = _files(paths)
    with ThreadPoolExecutor(DECODERS, thread_name_prefix="decode") as decoders:
        ahead = deque(decoders.submit(read, file) for file in islice(files, 2 * BATCH))
        while ahead:
            yield ahead.popleft().result()
            ahead.extend(decoders.submit(read, file) for file in islice(files, 1))


def _files(paths: Iterable[Path]) -> Iterator[Sight]:
    """The files named, and the pictures in the folders named."""
    from infra.client.media_source import VIDEOS, media_files

    for path in paths:
        if not path.is_dir():
            yield Sight(path)
            continue
        pictures = [Sight(file) for file in media_files([path]) if file.suffix.lower() not in VIDEOS]
        yield from pictures or [Sight(path, error="no picture in this folder")]


def _classifier(model: str | None, weights: Path | None, engine: str | None) -> "Classifier":
    from models.build_process import BuildFailed
    from models.bundle import BrokenBundle, UnknownModel, UnusableWeights, find
    from models.classifier import Classifier
    from models.weights import WeightsUnavailable
    from streams.contract.settings import BadSetting, Settings

    try:
        settings = Settings.from_environ()
        bundle = find(model or settings.models[0], settings.cache, weights)
        return Classifier.load(
            bundle,
            engine or settings.engine,
            cache=settings.cache,
            threads=settings.threads or None,
            precision=settings.precision,
        )
    except (BadSetting, BrokenBundle, BuildFailed, UnknownModel, UnusableWeights, WeightsUnavailable) as error:
        raise click.ClickException(str(error)) from error


def _json(classifier: "Classifier", sight: Sight) -> str:
    if sight.error:
        return json.dumps({"file": str(sight.file), "error": sight.error})
    return json.dumps(
        {
            "file": str(sight.file),
            "model": classifier.model,
            "version": classifier.version,
            "engine": classifier.engine,
            "labels": [asdict(label) for label in sight.labels],
        }
    )


def _text(sight: Sight) -> str:
    if sight.error:
        return f"{sight.file}\n  {click.style(sight.error, fg='red')}"
    width = max(len(label.label) for label in sight.labels)
    lines = [
        f"  {label.label:<{width}}  {label.probability:6.1%}  {'█' * round(label.probability * BAR)}".rstrip()
        for label in sight.labels
    ]
    return "\n".join([str(sight.file), *lines])
