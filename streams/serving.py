"""From the settings to the classifiers a worker serves, loaded and warm."""

import logging
from pathlib import Path
from typing import Literal, cast

from models.bundle import MANIFEST, Bundle, published
from models.classifier import Classifier
from streams.settings import Settings

log = logging.getLogger(__name__)


def load_classifiers(settings: Settings) -> dict[str, Classifier]:
    """The classifiers by name, in the settings' order; a model that is not in the cache yet is built first.

    Raises what ``models.bundle.published`` and ``models.bundle.Bundle.open`` raise.
    """
    classifiers: dict[str, Classifier] = {}
    for name in settings.models:
        weights = Path(settings.weights) if settings.weights and not classifiers else None
        log.info("loading %s; the first time on a machine this takes a while", name)
        classifier = Classifier.load(
            open_bundle(name, settings.cache, weights),
            settings.engine,
            cache=settings.cache,
            threads=settings.threads or None,
            precision=cast(Literal["auto", "f32"], settings.precision),
        )
        classifier.warm(settings.max_batch)
        log.info("%s %s runs in %s (%s)", name, classifier.version, classifier.engine, classifier.precision)
        classifiers[classifier.model] = classifier
    return classifiers


def open_bundle(name: str, cache: Path, weights: Path | None = None) -> Bundle:
    """The bundle in the folder ``name``, or the published model of that name."""
    folder = Path(name)
    return Bundle.open(folder) if (folder / MANIFEST).exists() else published(name, cache, weights)
