"""What happens before a worker asks for partitions: it loads all that its pool has agreed on.

A worker that lacks an agreed model would lose every frame for it. It waits and takes no partition: the bundle may
still be on its way.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from models import catalog
from models.catalog import ModelSpec, configured_specs
from models.classifier import ClassifierProtocol
from models.engines.base import EngineOptions
from models.registry import Registry
from streams.agreed_models import Choice, agreed_model, choose
from streams.contract.kafka import agreement
from streams.contract.kafka.topics.check import TopicCheck
from streams.contract.messages import AgreedModel, Agreement
from streams.contract.settings import Settings
from streams.contract.topics import Role
from streams.health.ending import end
from streams.registry_watcher import RegistryWatcher

log = logging.getLogger(__name__)

AGAIN_S = 5.0
HEAR_S = 5.0  # a worker that lives announces itself more than twice meanwhile


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a worker serves, warm, by name; what its pool has agreed on; and the watcher that keeps to both."""

    classifiers: Mapping[str, ClassifierProtocol]
    agreed: Agreement
    watcher: RegistryWatcher


def load(settings: Settings, worker: str) -> Loaded:
    """Load what the pool has agreed on, and wait until that is possible. A worker that is alone decides for its pool.

    Raises what ``configured_specs`` and ``catalog.load`` raise, and TopicsUnusable.
    """
    weights = Path(settings.weights) if settings.weights else None
    own = configured_specs(settings.models, weights, settings.registry)
    _run(TopicCheck(settings, Role.WORKER).until_usable(give_up=True))
    registry = Registry(settings.registry)
    options = EngineOptions(settings.cache, settings.engine, settings.precision, settings.threads)
    said: Sequence[str] = ()
    while True:
        choice = _run(_choose(settings, worker, own, registry))
        lacks: Sequence[str] = choice.missing
        if not lacks:
            watcher = RegistryWatcher(registry, choice.specs, partial(catalog.load, options=options), own=own)
            classifiers = watcher.load_all(settings.max_batch)
            lacks = [*watcher.errors.values()] if choice.agreed and choice.specs.keys() - classifiers.keys() else ()
            if not lacks:
                break
        if lacks != said:
            log.warning("this worker takes no frames yet: its pool serves what it lacks: %s", "; ".join(lacks))
            said = lacks
        time.sleep(AGAIN_S)
    models = [agreed_model(name, each, choice.specs) for name, each in classifiers.items()]
    agreed = choice.agreed or Agreement(models, [*settings.models], worker)
    if choice.agreed is None:
        _run(agreement.write(settings, agreed))
    else:  # the others are told of versions that are newer here
        watcher.changed |= {each.name for each in models} - {each.name for each in agreed.models if each in models}
    return Loaded(classifiers, agreed, watcher)


async def _choose(settings: Settings, worker: str, own: Mapping[str, ModelSpec], registry: Registry) -> Choice:
    """What this worker is to serve. To find out whether it is alone takes some seconds, so only if that matters."""
    agreed = await agreement.read(settings)
    choice = choose(agreed, own, settings.models, registry, alone=True)
    if choice.agreed:
        return choice
    if agreed and (other := await agreement.hear_worker(settings, HEAR_S, but=worker)):
        choice = choose(agreed, own, settings.models, registry, alone=False)
        if choice.unused:
            unused = ", ".join(choice.unused)
            log.warning(
                "this worker serves what its pool does, %s, and not %s: %s is at work; `sightstream models serve` "
                "changes the list for all",
                *(", ".join(choice.specs), unused, other),
            )
        return choice
    claim = [AgreedModel(name, spec.model if spec else "") for name, spec in choice.specs.items()]
    await agreement.write(settings, Agreement(claim, [*settings.models], worker))  # for workers that start now
    return choice


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run something before the worker's own event loop does. SIGTERM ends the process: nothing is under way yet."""
    loop = asyncio.new_event_loop()
    with suppress(NotImplementedError):  # on Windows
        loop.add_signal_handler(signal.SIGTERM, end, 0)
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()
