"""A rolling upgrade: gateways and workers are replaced one by one, in the order of infra/deploy/upgrade.md."""

import asyncio
import json
import os
import signal
import time
from contextlib import suppress
from itertools import pairwise

import httpx
import pytest

from infra.client.client import Client
from infra.client.frame_counts import latency, total
from infra.client.media_source import MediaFrame
from infra.loadtest.reconcile import lasting_differences
from infra.loadtest.sample_frames import endless_samples
from infra.loadtest.stack_under_test import settings_under_test, started
from infra.local.stack import Stack
from streams.contract.outcomes import Outcome
from web.messages import Labels

SESSIONS = 4
FPS = 3.0
ORDER = ("gateway-1", "gateway-2", "worker-1", "worker-2")
READY_S = 60.0  # for a process that is replaced
SETTLED_S = 1.0  # of streaming between two replacements
SILENCE_S = 10.0  # in which every session must have an answer again


class Streaming:
    """A session that streams, and when its answers came."""

    def __init__(self, stack: Stack, number: int) -> None:
        own = number % len(stack.websockets)
        addresses = [*stack.websockets[own:], *stack.websockets[:own]]
        self.answered_at = [time.monotonic()]
        self.client = Client(
            addresses[0], endless_samples, fps=FPS, fallbacks=addresses[1:], on_answer=self.note_answer
        )

    def note_answer(self, frame: MediaFrame, message: Labels, round_trip_ms: float) -> None:
        self.answered_at.append(time.monotonic())

    @property
    def longest_silence_s(self) -> float:
        return max(later - earlier for earlier, later in pairwise(self.answered_at))


def addresses_of(stack: Stack) -> dict[str, str]:
    """Where each process says whether it is ready."""
    groups = json.loads((stack.folder / "prometheus" / "targets.json").read_text())
    return {each["labels"]["process"]: f"http://{each['targets'][0]}/readyz" for each in groups}


async def replace(stack: Stack, name: str) -> None:
    """Stop a process as an upgrade does, and wait until the one that takes its place is ready."""
    before, address = stack.pids[name], addresses_of(stack)[name]
    os.kill(before, signal.SIGTERM)
    async with asyncio.timeout(READY_S), httpx.AsyncClient(trust_env=False) as http:
        while stack.pids.get(name, before) == before:
            await asyncio.sleep(0.05)
        while True:
            with suppress(httpx.TransportError):
                if (await http.get(address)).status_code == httpx.codes.OK:
                    return
            await asyncio.sleep(0.2)


@pytest.mark.broker
async def test_an_upgrade_one_by_one_gives_every_frame_its_outcome_and_answers_none_late() -> None:
    settings = settings_under_test("efficientnet_lite0")
    async with started(settings, workers=2, gateways=2, progress=lambda line: None) as stack:
        sessions = [Streaming(stack, number) for number in range(SESSIONS)]
        running = [asyncio.create_task(each.client.run()) for each in sessions]
        old = stack.pids
        for name in ORDER:
            await asyncio.sleep(SETTLED_S)
            await replace(stack, name)
        await asyncio.sleep(SETTLED_S)
        for each in sessions:
            each.client.finish()
        counts = await asyncio.gather(*running)
        assert not {old[name] for name in ORDER} & set(stack.pids.values())
        assert (
            await lasting_differences(stack.settings, {each.client.session: each.client.counts for each in sessions})
            == []
        )
    all_frames = total(counts)
    lost = all_frames.dropped[Outcome.FAILED] + all_frames.dropped[Outcome.UNKNOWN_MODEL]
    assert lost == 0
    assert all_frames.sent == all_frames.answered + all_frames.dropped.total() + all_frames.expired
    p99 = latency(all_frames.round_trips)["p99"]
    assert p99 is not None
    assert p99 < settings.freshness_ms
    assert max(each.longest_silence_s for each in sessions) < SILENCE_S
    assert all(each.client.connects >= 2 for each in sessions)  # each had to change its gateway
