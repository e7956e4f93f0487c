"""Watches the registry of trained models: what is promoted there goes live in a running worker, between two batches.

The next classifier is loaded beside the one that serves, and warmed up between its batches. It takes over when it is
ready. If it cannot be loaded, the one before goes on, and ``errors`` says why.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

from models.registry import Registry
from streams.batching import Batcher
from streams.dispatch import ClassifierProtocol
from streams.serving import ModelSpec, promoted

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
RETRY_S = 30.0  # for what could not be loaded: a bundle may still be on its way from another machine


class RegistryWatcher:
    """Keeps the served models as the settings and the registry want them.

    Args:
        configured: the models that the settings name, by name; a live version of the registry takes precedence.
        load: makes a classifier of a specification; called in a thread.
        clock: seconds.
    """

    def __init__(
        self,
        registry: Registry,
        configured: Mapping[str, ModelSpec],
        load: Callable[[ModelSpec], ClassifierProtocol],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.registry = registry
        self.configured = dict(configured)
        self.load = load
        self.clock = clock
        self.serving: dict[str, ModelSpec] = {}
        self.errors: dict[str, str] = {}  # by model name: why its live version is not served
        self._last_stamp: object = None
        self._retry_at = 0.0

    def load_all(self, max_batch: int) -> dict[str, ClassifierProtocol]:
        """The classifiers to start with, warm for batches of up to ``max_batch``.

        Where a live version cannot be loaded, the model that the settings name is served instead.

        Raises what ``load`` raises for a model that the settings name.
        """
        self._last_stamp = self.registry.stamp()
        loaded: dict[str, ClassifierProtocol] = {}
        for name in dict.fromkeys([*self.configured, *self.registry.names()]):
            for spec in self._candidates(name):
                try:
                    classifier = self.load(spec)
                    for _ in classifier.warming(max_batch):
                        pass
                except Exception as error:
                    if spec == self.configured.get(name):
                        raise
                    self._note_error(name, error)
                else:
                    loaded[name] = classifier
                    self.serving[name] = spec
                    break
        return loaded

    async def watch(self, batcher: Batcher, announce: Callable[[], Awaitable[None]]) -> None:
        """Apply changes of the registry until cancelled; ``announce`` is called after each."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                async for _ in self.apply_changes(batcher):
                    await announce()
            except OSError as error:  # a folder on another machine may be unreachable for a while
                log.warning("the registry %s cannot be read: %s", self.registry.folder, error)

    async def apply_changes(self, batcher: Batcher) -> AsyncIterator[str]:
        """Apply what has changed since the last time; yields the name of each model when its change is done."""
        stamp = await asyncio.to_thread(self.registry.stamp)
        if stamp == self._last_stamp and not (self.errors and self.clock() >= self._retry_at):
            return
        known = await asyncio.to_thread(self.registry.names)
        for name in dict.fromkeys([*self.configured, *self.serving, *known]):
            before = self.serving.get(name), self.errors.pop(name, None)
            await self._update(name, batcher)
            if before != (self.serving.get(name), self.errors.get(name)):
                yield name
        self._last_stamp = stamp

    async def _update(self, name: str, batcher: Batcher) -> None:
        spec = next(self._candidates(name), None)
        if name in self.errors or spec == self.serving.get(name):
            return
        if spec is None:
            log.info("%s is no longer served", name)
            del self.serving[name]
            batcher.withdraw(name)
            return
        try:
            classifier = await asyncio.to_thread(self.load, spec)
            await batcher.warm(classifier)
        except Exception as error:
            self._note_error(name, error)
            return
        batcher.serve(name, classifier)
        self.serving[name] = spec
        log.info("%s is version %s from now on", name, classifier.version)

    def _candidates(self, name: str) -> Iterator[ModelSpec]:
        """What may be served under a name, the first choice first."""
        try:
            if live := promoted(self.registry, name):
                yield live
        except ValueError as error:
            self._note_error(name, error)
        if name in self.configured:
            yield self.configured[name]

    def _note_error(self, name: str, error: Exception) -> None:
        log.error("the live version of %s cannot be served: %s", name, error)
        self.errors[name] = str(error)
        self._retry_at = self.clock() + RETRY_S
