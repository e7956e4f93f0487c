"""The catalog: it finds models. Every name of a model is looked up here.

A model is named in one of two ways, and the first that fits is taken:

1. the name of a published network, such as `efficientnet_lite0`, means that network;
2. anything else is the path of a bundle folder.

So a folder that has the name of a published network is named with a slash, `./efficientnet_lite0`, or by its
absolute path. A worker also serves the live versions of the registry, each under its name in the registry.
"""

import logging
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from models.bundle import BrokenBundle, Bundle
from models.classifier import Classifier, ClassifierProtocol
from models.engines.base import EngineOptions
from models.gate import Gate, Gated
from models.networks import NETWORKS, facts
from models.picture_folder import shown
from models.processes.build import run_in_child
from models.registry import Registry
from models.runtime import check_tensorflow
from models.storage import CACHE, check_folder, sha256
from models.weights import UnusableWeights, published_manifest, write_published

log = logging.getLogger(__name__)

_HDF5 = b"\x89HDF\r\n\x1a\n"
SMALLEST = 18_000_000  # bytes of the smallest published network
_RECIPE = 2  # to be raised when published bundles are built differently, so that older ones in a cache are not used


class UnknownModel(ValueError):
    """The model is neither a published network nor a bundle folder."""


@dataclass(frozen=True)
class ModelSpec:
    """A model to serve under `name`: a published network or a bundle folder, with a gate before it or without."""

    name: str
    model: str
    weights: Path | None = None
    gate: Gate | None = None


def find(model: str, cache: Path, weights: Path | None = None, registry: Path | None = None) -> Bundle:
    """Returns the bundle that `model` names, by the rule above. The names in `registry` are used in messages only.

    Raises UnknownModel, UnusableWeights when a folder is given a weights file, and what `published` and
    `Bundle.open` raise.
    """
    if model in NETWORKS:
        return published(model, cache, weights)
    bundle = _open_folder(model, registry)
    if weights is not None:
        raise UnusableWeights(f"{model} is a bundle, which has its weights; leave {weights} out")
    return bundle


def published(name: str, cache: Path, weights: Path | None = None) -> Bundle:
    """Returns the bundle of a published network. It is built in `cache` the first time and after its facts changed.

    `weights` is a Keras weights file, for a network that takes one. Raises networks.UnknownNetwork, UnusableWeights,
    WeightsUnavailable, runtime.TensorFlowMissing, BuildFailed and storage.Unwritable.
    """
    facts(name)
    source = "" if weights is None else f"-{_short_digest(weights)}"
    folder = cache / "models" / f"{name}{source}.{_RECIPE}"
    with suppress(BrokenBundle):  # damaged or not built yet
        built = Bundle.open(folder)
        if built.manifest == published_manifest(name):
            return built
    check_tensorflow()
    check_folder(cache, CACHE, needed=SMALLEST)
    run_in_child(write_published, name, folder, weights)
    return Bundle.open(folder)


def configured_specs(
    models: Sequence[str], weights: Path | None = None, registry: Path | None = None
) -> dict[str, ModelSpec]:
    """Returns, by name and in their order, the specs of `models`. `weights` belongs to the first.

    A bundle folder is served under the bundle's own name. Raises UnknownModel, UnusableWeights and what `Bundle.open`
    raises.
    """
    if weights is not None and models[0] in NETWORKS:
        _short_digest(weights)
    specs: dict[str, ModelSpec] = {}
    for model in models:
        name = model if model in NETWORKS else _open_folder(model, registry).name
        specs[name] = ModelSpec(name, model, None if specs else weights)
    return specs


def live_spec(registry: Registry, name: str) -> ModelSpec | None:
    """Returns the spec of the live version of a model in the registry, or None. Raises registry.BrokenRegistry."""
    live = registry.live(name)
    return ModelSpec(name, str(registry.folder / name / live.version), gate=live.gate) if live else None


def load(spec: ModelSpec, options: EngineOptions) -> ClassifierProtocol:
    """Returns a classifier that is not warm yet. What the cache lacks is built first.

    Raises what `find` and `Classifier.load` raise.
    """
    log.info("loading %s; the first time on a machine this takes a while", spec.model)
    inner = Classifier.load(find(spec.model, options.cache, spec.weights), options, spec.name)
    log.info("%s %s runs in %s (%s)", spec.name, inner.version, inner.engine, inner.precision)
    if spec.gate is None:
        return inner
    return Gated(inner, Classifier.load(published(spec.gate.network, options.cache), options), spec.gate)


def _open_folder(model: str, registry: Path | None) -> Bundle:
    if Path(model).is_dir():
        return Bundle.open(Path(model))
    trained = Registry(registry).names() if registry else []
    if registry and model in trained:
        newest = (Registry(registry).versions(model) or ["VERSION"])[0]
        raise UnknownModel(
            f"{model!r} is in the registry: workers serve its live version by themselves; "
            f"here, name the folder of a version, such as {shown(registry / model / newest)}"
        )
    close = get_close_matches(model, [*NETWORKS, *trained], n=1)
    guess = f"; did you mean {close[0]}?" if close else ""
    raise UnknownModel(
        f"{model!r} is no bundle folder and none of the published networks, {', '.join(NETWORKS)}{guess}"
    )


def _short_digest(weights: Path) -> str:
    try:
        if stat.S_ISFIFO(weights.stat().st_mode):  # to open it would be to wait for its writer
            raise UnusableWeights(f"{weights} is a pipe; name a file")
        with weights.open("rb") as file:
            if file.read(len(_HDF5)) != _HDF5:
                raise UnusableWeights(f"{weights} is no .weights.h5 or .h5 file of weights, as Keras writes them")
        return sha256(weights)[:12]
    except OSError as error:
        raise UnusableWeights(f"{weights} cannot be read ({error.strerror})") from error
