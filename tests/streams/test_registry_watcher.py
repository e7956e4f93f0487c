"""What is promoted goes live in a worker, and what cannot be loaded changes nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.bundle import MANIFEST, Bundle, Manifest
from models.catalog import ModelSpec
from models.classifier import ClassifierProtocol
from models.networks import Head, facts
from models.registry import LIVE, Registry
from streams.batching import Batcher
from streams.registry_watcher import RETRY_S, RegistryWatcher
from tests.fakes.classifiers import Slow

PETS = Manifest("pets", facts("efficientnet_lite0"), Head(2), ("cat", "dog"))
BASE = {"net": ModelSpec("net", "net")}
PETS_TOO = {**BASE, "pets": None}


class NamedClassifier(Slow):
    """Slow, as its spec wants it called; its version is what it was loaded from."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.model = spec.name
        self.version = Path(spec.model).name


def load(spec: ModelSpec) -> ClassifierProtocol:
    if Path(spec.model).is_absolute():
        Bundle.open(Path(spec.model))
    return NamedClassifier(spec)


def batcher_of(watcher: RegistryWatcher) -> Batcher:
    return Batcher(watcher.load_all(4), _ignore, max_batch=4, freshness_ms=1000.0, max_pixels=1000)


async def _ignore(_: Any) -> None: ...


def served(batcher: Batcher) -> dict[str, str]:
    return {name: each.version for name, each in batcher.models.items()}


async def changes(watcher: RegistryWatcher, batcher: Batcher) -> list[str]:
    return [name async for name in watcher.apply_changes(batcher)]


def added(registry: Registry, name: str, temperature: float = 1.0) -> str:
    folder = registry.folder.parent / f"trained-{temperature}"
    weights = {"000.logits.kernel": np.zeros((4, 2), np.float32)}
    Bundle.write(folder, replace(PETS, temperature=temperature), weights)
    return registry.add(folder, name)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry")


async def test_what_is_live_is_served_from_the_start_beside_what_was_asked_for(registry: Registry) -> None:
    version = added(registry, "pets")
    registry.promote("pets")
    assert served(batcher_of(RegistryWatcher(registry, PETS_TOO, load))) == {"net": "net", "pets": version}


async def test_promotion_rollback_and_removal_are_followed_without_a_restart(registry: Registry) -> None:
    watcher = RegistryWatcher(registry, BASE, load)
    batcher = batcher_of(watcher)
    assert await changes(watcher, batcher) == []
    first, second = added(registry, "pets", 1.0), added(registry, "pets", 2.0)
    assert await changes(watcher, batcher) == []  # added is not promoted
    steps: tuple[tuple[Callable[[], object], dict[str, str]], ...] = (
        (lambda: registry.promote("pets", first), {"net": "net", "pets": first}),
        (lambda: registry.promote("pets", second), {"net": "net", "pets": second}),
        (lambda: registry.rollback("pets"), {"net": "net", "pets": first}),
        (lambda: registry.remove("pets"), {"net": "net"}),
    )
    for act, expected in steps:
        act()
        assert await changes(watcher, batcher) == ["pets"]
        assert served(batcher) == expected
        assert await changes(watcher, batcher) == []


async def test_promoted_model_takes_the_place_of_the_published_one_and_gives_it_back(registry: Registry) -> None:
    name = "efficientnet_lite0"
    watcher = RegistryWatcher(registry, {name: ModelSpec(name, name), **BASE}, load)
    batcher = batcher_of(watcher)
    version = added(registry, name)
    registry.promote(name)
    await changes(watcher, batcher)
    assert list(served(batcher).items()) == [(name, version), ("net", "net")]  # still the default
    registry.rollback(name)
    await changes(watcher, batcher)
    assert served(batcher) == {name: name, "net": "net"}


async def test_bundle_that_cannot_be_loaded_leaves_the_old_one_live_and_says_why(registry: Registry) -> None:
    now = [0.0]
    first, second = added(registry, "pets", 1.0), added(registry, "pets", 2.0)
    registry.promote("pets", first)
    watcher = RegistryWatcher(registry, PETS_TOO, load, clock=lambda: now[0])
    batcher = batcher_of(watcher)
    registry.promote("pets", second)
    manifest = registry.path("pets", second) / MANIFEST
    whole = manifest.read_text()
    manifest.write_text(whole.replace("dog", "fox"))
    assert await changes(watcher, batcher) == ["pets"]
    assert served(batcher)["pets"] == first
    assert "was changed after it was written" in watcher.errors["pets"]
    manifest.write_text(whole)  # the rest of it arrives
    assert await changes(watcher, batcher) == []
    now[0] += RETRY_S
    assert await changes(watcher, batcher) == ["pets"]
    assert served(batcher)["pets"] == second
    assert watcher.errors == {}


async def test_broken_live_json_changes_nothing_that_is_served(registry: Registry) -> None:
    version = added(registry, "pets")
    registry.promote("pets")
    watcher = RegistryWatcher(registry, PETS_TOO, load)
    batcher = batcher_of(watcher)
    (registry.folder / "pets" / LIVE).write_text("{")
    assert await changes(watcher, batcher) == ["pets"]
    assert served(batcher) == {"net": "net", "pets": version}
    assert "live.json" in watcher.errors["pets"]


async def test_worker_starts_without_a_promoted_model_that_is_damaged(registry: Registry) -> None:
    for name in ("net", "pets"):
        version = added(registry, name)
        registry.promote(name)
        (registry.path(name, version) / MANIFEST).write_text("{}")
    watcher = RegistryWatcher(registry, PETS_TOO, load)
    assert served(batcher_of(watcher)) == {"net": "net"}
    assert set(watcher.errors) == {"net", "pets"}


async def test_gateways_and_the_pool_are_told_at_once_after_a_swap(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.registry_watcher.LOOK_EVERY_S", 0.01)
    watcher = RegistryWatcher(registry, BASE, load)
    batcher = batcher_of(watcher)
    announced: list[dict[str, str]] = []
    agreed: list[str] = []

    async def announce() -> None:
        announced.append(served(batcher))

    async def agree(name: str) -> bool:
        agreed.append(name)
        return len(agreed) > 1  # Kafka is away at first

    watching = asyncio.create_task(watcher.watch(batcher, announce, agree))
    version = added(registry, "pets")
    registry.promote("pets")
    async with asyncio.timeout(10):
        while len(agreed) < 2:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
    watching.cancel()
    assert agreed == ["pets", "pets"]
    assert announced == [{"net": "net", "pets": version}]
