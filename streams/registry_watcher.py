"""Following the registry: what is promoted goes live in a running worker, between two batches.

The next classifier is built, converted and compiled beside the one that serves and warmed between its batches; only
when it is ready does it take its place. One that cannot be loaded changes nothing but ``errors``.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

from models.catalog import ModelSpec, live_spec
from models.classifier import ClassifierProtocol, warm
from models.registry import Registry
from streams.batching import Batcher

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
RETRY_S = 30.0  # for what could not be loaded: a bundle may still be on its way from another machine


class RegistryWatcher:
    """Keeps what is served as the registry wants it.

    Args:
        asked_for: what is served whatever the registry holds, by name, unless it has something live of that name.
        load: makes a wish a classifier; called in a thread.
    """

    def __init__(
        self,
        registry: Registry,
        asked_for: Mapping[str, ModelSpec],
        load: Callable[[ModelSpec], ClassifierProtocol],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.registry = registry
        self.asked_for = dict(asked_for)
        self.load = load
        self.clock = clock
        self.serving: dict[str, ModelSpec] = {}
        self.errors: dict[str, str] = {}  # by name: why it is not served as it should be
        self._seen: object = None
        self._retry_at = 0.0

    def first(self, max_batch: int) -> dict[str, ClassifierProtocol]:
        """The classifiers to begin with, warm for batches of ``max_batch``.

        Where a promoted one cannot be loaded, it is what the settings ask for.

        Raises what ``load`` raises for what the settings ask for.
        """
        self._seen = self.registry.stamp()
        found: dict[str, ClassifierProtocol] = {}
        for name in dict.fromkeys([*self.asked_for, *self.registry.names()]):
            for wish in self._wishes(name):
                try:
                    classifier = self.load(wish)
                    warm(classifier, max_batch)
                except Exception as error:
                    if wish == self.asked_for.get(name):
                        raise
                    self._note(name, error)
                else:
                    found[name] = classifier
                    self.serving[name] = wish
                    break
        return found

    async def follow(self, batcher: Batcher, tell: Callable[[], Awaitable[None]]) -> None:
        """Follow the registry until cancelled; ``tell`` is called after every change."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                async for _ in self.changes(batcher):
                    await tell()
            except OSError as error:  # a folder that is elsewhere may be away for a while
                log.warning("the registry %s cannot be read: %s", self.registry.folder, error)

    async def changes(self, batcher: Batcher) -> AsyncIterator[str]:
        """Do what has come to be wanted since the last time; yields each model's name when its part is done."""
        stamp = await asyncio.to_thread(self.registry.stamp)
        if stamp == self._seen and not (self.errors and self.clock() >= self._retry_at):
            return
        known = await asyncio.to_thread(self.registry.names)
        for name in dict.fromkeys([*self.asked_for, *self.serving, *known]):
            before = self.serving.get(name), self.errors.pop(name, None)
            await self._settle(name, batcher)
            if before != (self.serving.get(name), self.errors.get(name)):
                yield name
        self._seen = stamp

    async def _settle(self, name: str, batcher: Batcher) -> None:
        wish = next(self._wishes(name), None)
        if name in self.errors or wish == self.serving.get(name):
            return
        if wish is None:
            log.info("%s is no longer served", name)
            del self.serving[name]
            batcher.withdraw(name)
            return
        try:
            classifier = await asyncio.to_thread(self.load, wish)
            await batcher.warm(classifier)
        except Exception as error:
            self._note(name, error)
            return
        batcher.serve(name, classifier)
        self.serving[name] = wish
        log.info("%s is version %s from now on", name, classifier.version)

    def _wishes(self, name: str) -> Iterator[ModelSpec]:
        """What may be served under a name, the best first."""
        try:
            if live := live_spec(self.registry, name):
                yield live
        except ValueError as error:
            self._note(name, error)
        if name in self.asked_for:
            yield self.asked_for[name]

    def _note(self, name: str, error: Exception) -> None:
        log.error("%s cannot be served as it was promoted: %s", name, error)
        self.errors[name] = str(error)
        self._retry_at = self.clock() + RETRY_S
