"""What the workers of a pool serve: what they have agreed on, or what one serves by itself that is alone. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.bundle import BrokenBundle, Bundle
from models.catalog import ModelSpec
from models.classifier import ClassifierProtocol
from models.networks import NETWORKS
from models.registry import BrokenRegistry, Registry
from streams.contract.messages import AgreedModel, Agreement
from streams.registry_watcher import Specs


@dataclass(frozen=True, slots=True)
class Choice:
    """What a worker is to serve: ``specs`` by name, the default first.

    ``agreed`` is None if the worker is alone, and so decides for its pool. ``missing`` says what it lacks of that,
    ``unused`` are models that only this worker would serve.
    """

    specs: Specs
    agreed: Agreement | None = None
    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


def choose(
    agreed: Agreement | None,
    own: Mapping[str, ModelSpec],
    configured: Sequence[str],
    registry: Registry,
    *,
    alone: bool,
) -> Choice:
    """What a worker that starts is to serve.

    What is agreed holds for it while another worker of its pool lives. A worker that is alone serves what is agreed
    if that came from settings like its own, and otherwise what its settings name; and what is live in its registry.

    Args:
        own: the specs of the models that its settings name.
        configured: the value of this setting.
    """
    live = {name: own.get(name) for name in _live(registry)}
    if agreed is None:
        return Choice({**own, **live})
    specs = specs_of(agreed, own)
    lacks = tuple(missing(agreed, specs, registry))
    unused = tuple(name for name in {**own, **live} if name not in specs)
    is_new = bool(agreed.configured) and agreed.configured != [*configured]
    if alone and (lacks or unused or is_new):
        return Choice({**({} if is_new else specs), **own, **live})
    return Choice(specs, agreed, lacks, unused)


def specs_of(agreed: Agreement, own: Mapping[str, ModelSpec]) -> dict[str, ModelSpec | None]:
    """What to load for each agreed model. What the own settings say about one takes precedence."""
    return {
        each.name: own.get(each.name) or (ModelSpec(each.name, each.model) if each.model else None)
        for each in agreed.models
    }


def missing(agreed: Agreement, specs: Specs, registry: Registry) -> Iterator[str]:
    """Why some agreed models cannot be loaded here yet. Loads nothing.

    An agreed version that was live in the registry before its present one is not missed: the registry is ahead.
    """
    names = registry.names()
    for each in agreed.models:
        spec = specs[each.name]
        try:
            promotions = [one.version for one in registry.promotions(each.name)] if each.name in names else []
            if promotions:
                if each.version and each.version not in promotions:
                    here = f"{promotions[-1]} in the registry {registry.folder}"
                    yield f"{each.name} {each.version}, which is {here}"
            elif spec is None:
                yield f"the registry {registry.folder} has no live version of {each.name}"
            elif spec.model not in NETWORKS:
                Bundle.open(Path(spec.model))
        except (BrokenBundle, BrokenRegistry) as error:
            yield str(error)


def agreed_model(name: str, classifier: ClassifierProtocol, specs: Specs) -> AgreedModel:
    """One model that a worker serves."""
    spec = specs.get(name)
    model = "" if spec is None else spec.model if spec.model in NETWORKS else str(Path(spec.model).absolute())
    return AgreedModel(name, model, classifier.version)


def with_change(agreed: Agreement, name: str, model: AgreedModel | None, by: str) -> Agreement:
    """The agreement with another version of a model, with one model more, or with one less (None)."""
    models = {each.name: each for each in agreed.models}
    if model:
        models[name] = model
    else:
        models.pop(name, None)
    return Agreement([*models.values()], [*agreed.configured], by)


def _live(registry: Registry) -> Iterator[str]:
    """The names whose live version can be looked for."""
    for name in registry.names():
        try:
            if registry.promotions(name):
                yield name
        except BrokenRegistry:
            yield name
