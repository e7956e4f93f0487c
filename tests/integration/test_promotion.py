"""A trained model goes live in a running stack, and comes out of it again, without a lost frame."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from infra.client.client import Client, Refused
from infra.client.media_source import MediaFrame
from infra.loadtest.sample_frames import endless_samples
from models.bundle import WEIGHTS, Bundle
from models.catalog import published
from streams.contract.outcomes import Outcome
from streams.contract.settings import Settings
from tests.running_stack import RunningStack, running_stack
from training.runs import shapes
from web.messages import Labels

pytestmark = [pytest.mark.broker, pytest.mark.model]

NAME = "efficientnet_lite0"
SWAP_WITHIN_S = 180.0  # the network is converted first, at low priority


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("promotion"), "--model", NAME) as stack:
        yield stack


@pytest.fixture(scope="module")
def better(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A network that is trained here, on drawn pictures: other labels, another input size."""
    return shapes.run(tmp_path_factory.mktemp("shapes")).bundle


class Sessions:
    """Sessions that stream while something happens, and what answered them."""

    def __init__(self, stack: RunningStack, count: int, **how: Any) -> None:
        self.versions: list[tuple[str, str]] = []
        self.clients = [
            Client(stack.websocket, endless_samples, fps=8.0, on_answer=self._note, **how) for _ in range(count)
        ]

    def _note(self, _: MediaFrame, message: Labels, __: float) -> None:
        self.versions.append((message.model, message.version))

    async def watch(self, *acts: tuple[Callable[[], object], tuple[str, str]]) -> None:
        """Stream; do each act and wait until the model and version that it brings have answered every session."""
        running = asyncio.gather(*(each.run() for each in self.clients))
        await self._until(running, lambda: len(self.versions) > 10)
        for act, expected in acts:
            await asyncio.to_thread(act)
            await self._until(running, partial(self._is_all, expected))
        for each in self.clients:
            each.finish()
        await running

    def _is_all(self, expected: tuple[str, str]) -> bool:
        return self.versions[-6:] == [expected] * 6

    async def _until(self, running: "asyncio.Future[Any]", true: Callable[[], bool]) -> None:
        async with asyncio.timeout(SWAP_WITHIN_S):
            while not true():
                if running.done():
                    running.result()
                await asyncio.sleep(0.05)

    def check_that_nothing_is_lost(self) -> None:
        for counts in (each.counts for each in self.clients):
            assert counts.sent == counts.answered + counts.dropped.total()
            assert set(counts.dropped) <= {Outcome.SUPERSEDED, Outcome.STALE}  # as on any busy machine


def models(stack: RunningStack, *arguments: str | Path, code: int = 0) -> str:
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "infra.commands",
            "models",
            "--registry",
            str(stack.folder / "models"),
            *map(str, arguments),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == code, run.stderr
    return run.stderr if code else run.stdout


async def test_promotion_and_rollback_under_load_lose_no_frame(serving: RunningStack, better: Bundle) -> None:
    before = published(NAME, Settings().cache).version
    models(serving, "add", better.folder, "--name", NAME)
    sessions = Sessions(serving, 2)
    await sessions.watch(
        (lambda: models(serving, "promote", NAME), (NAME, better.version)),
        (lambda: models(serving, "rollback", NAME), (NAME, before)),
    )
    sessions.check_that_nothing_is_lost()
    assert set(sessions.versions) == {(NAME, before), (NAME, better.version)}


async def test_model_under_a_name_of_its_own_is_offered_to_sessions_and_withdrawn(
    serving: RunningStack, better: Bundle
) -> None:
    models(serving, "add", better.folder, "--name", "better")
    others = Sessions(serving, 1)
    default = published(NAME, Settings().cache).version

    def promote() -> None:
        models(serving, "promote", "better")
        end = time.monotonic() + SWAP_WITHIN_S
        while {each.name for each in others.clients[0].offered} != {NAME, "better"}:
            assert time.monotonic() < end
            time.sleep(0.1)

    await others.watch((promote, (NAME, default)))
    others.check_that_nothing_is_lost()
    choosing = Sessions(serving, 2, model="better")
    await choosing.watch()
    choosing.check_that_nothing_is_lost()
    assert set(choosing.versions) == {("better", better.version)}
    models(serving, "remove", "better")


async def test_gate_answers_for_a_model_what_is_not_for_it(serving: RunningStack, better: Bundle) -> None:
    gate = ("--gate", NAME, "--gate-labels", "151-268", "--gate-answer", "not a dog")
    models(serving, "add", better.folder, "--name", "dogs")
    models(serving, "promote", "dogs", *gate)
    gated = Sessions(serving, 1, model="dogs")
    async with asyncio.timeout(SWAP_WITHIN_S):
        while not gated.versions:
            with suppress(Refused):
                await gated.watch()
            await asyncio.sleep(0.5)  # it is not served yet
    gated.check_that_nothing_is_lost()
    assert set(gated.clients[0].counts.labels) == {"not a dog"}  # the samples show a cat and a coffee
    models(serving, "remove", "dogs")


async def test_bundle_that_is_damaged_in_the_registry_leaves_the_old_one_live(
    serving: RunningStack, better: Bundle
) -> None:
    models(serving, "add", better.folder, "--name", NAME)
    registry = serving.folder / "models" / NAME
    weights = registry / better.version / WEIGHTS
    content = bytearray(weights.read_bytes())
    content[1000] ^= 1
    weights.write_bytes(content)
    assert "is damaged" in models(serving, "promote", NAME, code=1)
    before = published(NAME, Settings().cache).version
    promotion = {"format": 1, "promotions": [{"version": better.version, "gate": None}]}

    def promote_all_the_same() -> None:
        """Write live.json without a check, as a copy from another machine does."""
        (registry / "live.json").write_text(json.dumps(promotion))
        end = time.monotonic() + 30
        while "is damaged" not in (serving.folder / "logs" / "worker-1.log").read_text():
            assert time.monotonic() < end
            time.sleep(0.1)

    sessions = Sessions(serving, 1)
    await sessions.watch((promote_all_the_same, (NAME, before)))
    sessions.check_that_nothing_is_lost()
    assert set(sessions.versions) == {(NAME, before)}
