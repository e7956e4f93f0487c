"""Whether a stack is whole: all processes run and serve, and nothing of Kafka is behind."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress

import httpx
from aiokafka.errors import KafkaError

from infra.local.stack import Stack
from infra.local.topic_admin import admin_client
from streams.contract.settings import Settings
from streams.contract.topics import group_of

LOOK_S = 0.2
GROUP = group_of("")
REQUEST_S = 5.0  # a broker that is away must not hold up a look


async def until_whole(stack: Stack, timeout_s: float) -> None:
    """Wait until every broker has every record, every worker its partitions, and every gateway is ready.

    Raises:
        TimeoutError: this takes longer than ``timeout_s``; its text says what was missing.
    """
    missing: Sequence[str] = ["an answer"]
    try:
        async with asyncio.timeout(timeout_s):
            while missing := await what_is_missing(stack):
                await asyncio.sleep(LOOK_S)
    except TimeoutError as error:
        raise TimeoutError(f"after {timeout_s:g} s the stack still lacks {'; '.join(missing)}") from error


def names_of(stack: Stack) -> list[str]:
    """The names of all processes that belong to a stack."""
    numbers = {"broker": len(stack.settings.broker), "worker": stack.workers, "gateway": stack.gateways}
    return [f"{part}-{number + 1}" for part, most in numbers.items() for number in range(most)]


async def what_is_missing(stack: Stack) -> list[str]:
    """What the stack lacks, in words; empty when it is whole."""
    if missing := sorted(set(names_of(stack)) - set(stack.pids)):
        return missing
    return await not_ready(stack) or await behind(stack.settings, stack.workers)


async def not_ready(stack: Stack) -> list[str]:
    """The gateways and workers that do not say that they are ready."""
    found = []
    async with httpx.AsyncClient(trust_env=False) as http:
        for group in json.loads((stack.folder / "prometheus" / "targets.json").read_text()):
            with suppress(httpx.HTTPError):
                if (await http.get(f"http://{group['targets'][0]}/readyz")).status_code == 200:
                    continue
            found.append(f"a ready {group['labels']['process']}")
    return found


async def behind(settings: Settings, workers: int) -> list[str]:
    """What Kafka lacks, in words: replicas in step with their leaders, and workers with partitions."""
    try:
        async with admin_client(settings, REQUEST_S) as admin:
            topics = await admin.describe_topics()
            [answer] = await admin.describe_consumer_groups([GROUP])
    except (KafkaError, OSError) as error:
        return [f"an answer from Kafka ({error or type(error).__name__})"]
    _, _, state, _, _, members, *_ = answer.groups[0]
    found = [
        f"replicas of {topic['topic']}"
        for topic in topics
        if any(set(each["isr"]) != set(each["replicas"]) or each["leader"] < 0 for each in topic["partitions"])
    ]
    if state != "Stable" or len(members) < workers:
        found.append(f"workers: {len(members)} of {workers}, the group is {state}")
    return found
