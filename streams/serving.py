"""What a worker serves: from the settings and the registry to classifiers."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from models.bundle import MANIFEST, Bundle, published
from models.classifier import Classifier
from models.gate import Gate, Gated
from models.registry import Registry
from streams.contract.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelSpec:
    """A model that is to be served as ``name``: a published one or a bundle folder, behind a gate or none."""

    name: str
    model: str
    weights: Path | None = None
    gate: Gate | None = None


def asked_for(settings: Settings) -> dict[str, ModelSpec]:
    """What the settings ask for, by name, in their order.

    Raises what ``models.bundle.Bundle.open`` raises.
    """
    wishes: dict[str, ModelSpec] = {}
    for model in settings.models:
        weights = Path(settings.weights) if settings.weights and not wishes else None
        folder = Path(model)
        name = Bundle.open(folder).name if (folder / MANIFEST).exists() else model
        wishes[name] = ModelSpec(name, model, weights)
    return wishes


def promoted(registry: Registry, name: str) -> ModelSpec | None:
    """What is live of a model of the registry.

    Raises:
        BrokenRegistry: what is live cannot be read.
    """
    live = registry.live(name)
    if live is None:
        return None
    return ModelSpec(name, str(registry.folder / name / live.version), gate=live.gate)


def load(wish: ModelSpec, settings: Settings) -> Classifier | Gated:
    """A classifier, still cold; what is not in the cache yet is built first.

    Raises what ``models.bundle.published`` and ``models.bundle.Bundle.open`` raise.
    """
    log.info("loading %s; the first time on a machine this takes a while", wish.model)
    classifier: Classifier | Gated = _load(wish.name, open_bundle(wish.model, settings.cache, wish.weights), settings)
    if wish.gate:
        outer = _load(wish.gate.network, published(wish.gate.network, settings.cache), settings)
        classifier = Gated(cast(Classifier, classifier), outer, wish.gate)
    log.info("%s %s runs in %s (%s)", wish.name, classifier.version, classifier.engine, classifier.precision)
    return classifier


def load_classifiers(settings: Settings) -> dict[str, Classifier | Gated]:
    """The classifiers that the settings ask for by name, in their order, warm; see ``load``."""
    classifiers = {name: load(wish, settings) for name, wish in asked_for(settings).items()}
    for each in classifiers.values():
        each.warm(settings.max_batch)
    return classifiers


def open_bundle(name: str, cache: Path, weights: Path | None = None) -> Bundle:
    """The bundle in the folder ``name``, or the published model of that name."""
    folder = Path(name)
    return (
        Bundle.open(folder)
        if folder.is_absolute() or (folder / MANIFEST).exists()
        else published(name, cache, weights)
    )


def _load(name: str, bundle: Bundle, settings: Settings) -> Classifier:
    return Classifier.load(
        bundle,
        settings.engine,
        cache=settings.cache,
        threads=settings.threads or None,
        precision=settings.precision,
        name=name,
    )
