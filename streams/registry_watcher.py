"""Keeps the served models as the pool has agreed and as the registry of trained models has them live.

What is promoted in the registry goes live in a running worker between two batches. The next classifier is loaded
beside the one that serves, and warmed up between its batches. It takes over when it is ready. If it cannot be loaded,
the one before goes on, and ``errors`` says why.
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

Specs = Mapping[str, ModelSpec | None]


class RegistryWatcher:
    """Serves the ``wanted`` models.

    Args:
        wanted: what to load for each name, the default first. A live version of the registry takes precedence; None
            means that there is nothing else.
        load: makes a classifier of a specification; called in a thread.
        clock: seconds.
        own: what the settings name.
    """

    def __init__(
        self,
        registry: Registry,
        wanted: Specs,
        load: Callable[[ModelSpec], ClassifierProtocol],
        clock: Callable[[], float] = time.monotonic,
        *,
        own: Mapping[str, ModelSpec] | None = None,
    ) -> None:
        self.registry = registry
        self.own = own or {}
        self.wanted = dict(wanted)
        self.load = load
        self.clock = clock
        self.serving: dict[str, ModelSpec] = {}
        self.errors: dict[str, str] = {}  # by model name: why its live version is not served
        self.changed: set[str] = set()  # names whose live version changed, until that is served
        self._stamp = registry.stamp()
        self._look = False
        self._retry_at = 0.0

    def load_all(self, max_batch: int) -> dict[str, ClassifierProtocol]:
        """The classifiers to start with, warm for batches of up to ``max_batch``.

        Where a live version cannot be loaded, what is wanted beside it is served instead.

        Raises what ``load`` raises for a model that is not from the registry.
        """
        loaded: dict[str, ClassifierProtocol] = {}
        for name in self.wanted:
            for spec in self._candidates(name):
                try:
                    classifier = self.load(spec)
                    warm(classifier, max_batch)
                except Exception as error:
                    if spec == self.wanted[name]:
                        raise
                    self._note_error(name, error)
                else:
                    loaded[name] = classifier
                    self.serving[name] = spec
                    break
        self.changed |= self.errors.keys()
        return loaded

    def want(self, wanted: Specs) -> None:
        """Serve these models, and no others, from the next look on."""
        self.wanted, self._look = dict(wanted), True

    async def watch(
        self, batcher: Batcher, announce: Callable[[], Awaitable[None]], agree: Callable[[str], Awaitable[bool]]
    ) -> None:
        """Apply changes until cancelled.

        ``announce`` is called after each, and ``agree`` with the name after one of the registry, until it is true.
        """
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                async for _ in self.apply_changes(batcher):
                    await announce()
                for name in self.changed - self.errors.keys():
                    if await agree(name):
                        self.changed.discard(name)
            except OSError as error:  # a folder on another machine may be unreachable for a while
                log.warning("the registry %s cannot be read: %s", self.registry.folder, error)

    async def apply_changes(self, batcher: Batcher) -> AsyncIterator[str]:
        """Apply what has changed since the last time; yields the name of each model when its change is done."""
        stamp = await asyncio.to_thread(self._read_stamp)
        if stamp == self._stamp and not self._look and not (self.errors and self.clock() >= self._retry_at):
            return
        self.changed |= {name for name, *_ in {*stamp} ^ {*self._stamp}}
        self._look, self._stamp = False, stamp
        for name in self.changed:
            self.wanted.setdefault(name, None)
        for name in dict.fromkeys([*self.wanted, *self.serving]):
            before = self.serving.get(name), self.errors.pop(name, None)
            await self._update(name, batcher)
            if before != (self.serving.get(name), self.errors.get(name)):
                yield name
        batcher.models.prefer(self.wanted)

    async def _update(self, name: str, batcher: Batcher) -> None:
        spec = next(self._candidates(name), None) if name in self.wanted else None
        if name in self.errors or (spec and spec == self.serving.get(name)):
            return
        if spec is None:
            if name in self.wanted and name not in self.changed:
                self._note_error(name, LookupError(f"the registry {self.registry.folder} has no live version of it"))
                return
            self.wanted.pop(name, None)
            if name in self.serving:
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

    def _read_stamp(self) -> tuple[tuple[str, int, int], ...]:
        if self._stamp and not self.registry.folder.is_dir():  # it is away, which takes no model back
            raise FileNotFoundError("there is no such folder")
        return self.registry.stamp()

    def _candidates(self, name: str) -> Iterator[ModelSpec]:
        """What may be served under a name, the first choice first."""
        try:
            if live := live_spec(self.registry, name):
                yield live
        except ValueError as error:
            self._note_error(name, error)
        if spec := self.wanted.get(name):
            yield spec

    def _note_error(self, name: str, error: Exception) -> None:
        log.error("%s cannot be served: %s", name, error)
        self.errors[name] = str(error)
        self._retry_at = self.clock() + RETRY_S
