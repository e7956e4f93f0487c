"""Faults of Kafka's brokers, chosen by what they do for the stack."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import psutil

from infra.loadtest.faults.case import Fault
from infra.loadtest.faults.wholeness import GROUP, REQUEST_S, names_of, until_whole
from infra.loadtest.stack_under_test import process_of
from infra.local.stack import Stack
from infra.local.topic_admin import admin_client
from streams.contract.topics import FRAMES

Choice = Callable[[Stack], Awaitable[str]]  # the name of a broker

LOOK_S = 0.02
RETURN_S = 90.0
CAN_FILL_DISKS = hasattr(psutil.Process, "rlimit")  # not on macOS


async def leader_of_frames(stack: Stack) -> str:
    """The broker that leads most partitions of the frames topic."""
    async with admin_client(stack.settings, REQUEST_S) as admin:
        [topic] = await admin.describe_topics([FRAMES])
    [(node, _)] = Counter(each["leader"] for each in topic["partitions"]).most_common(1)
    return f"broker-{node}"


async def coordinator_of_workers(stack: Stack) -> str:
    """The broker that says which worker has which partitions."""
    async with admin_client(stack.settings, REQUEST_S) as admin:
        return f"broker-{await admin.find_coordinator(GROUP)}"


async def another_broker(stack: Stack) -> str:
    """A broker that is neither of the others, if there is one; else one that does not lead the frames topic most."""
    busy = [await leader_of_frames(stack), await coordinator_of_workers(stack)]
    names = [name for name in names_of(stack) if name.startswith("broker-")]
    return min(names, key=lambda name: (name in busy, name == busy[0]))


def kill(choice: Choice) -> Fault:
    """The fault that ends a broker with SIGKILL."""

    async def fault(stack: Stack) -> None:
        process_of(stack, await choice(stack)).kill()

    return fault


def stop_all(number: signal.Signals) -> Fault:
    """The fault that sends a signal to all brokers at once; over when all of them are back."""

    async def fault(stack: Stack) -> None:
        for process in [process_of(stack, name) for name in names_of(stack) if name.startswith("broker-")]:
            process.send_signal(number)
        await until_whole(stack, RETURN_S)

    return fault


def full_disk(choice: Choice, seconds: float) -> Fault:
    """The fault that lets a broker write nothing to its files for some seconds, as on a full disk.

    No file of its may grow (RLIMIT_FSIZE is 0): each write fails, as it does without space, only with EFBIG instead
    of ENOSPC. That needs no rights and no disk of its own. It is so for each process that is started in the broker's
    place meanwhile, too.
    """

    async def fault(stack: Stack) -> None:
        name = await choice(stack)
        end = time.monotonic() + seconds
        limited: dict[int, tuple[int, int]] = {}
        try:
            while time.monotonic() < end:
                with suppress(psutil.NoSuchProcess, KeyError):  # it ends for the full disk, and is started again
                    process = process_of(stack, name)
                    if process.pid not in limited:
                        limited[process.pid] = process.rlimit(psutil.RLIMIT_FSIZE)
                        process.rlimit(psutil.RLIMIT_FSIZE, (0, limited[process.pid][1]))
                await asyncio.sleep(LOOK_S)
        finally:
            for pid, limits in limited.items():
                with suppress(psutil.NoSuchProcess):
                    psutil.Process(pid).rlimit(psutil.RLIMIT_FSIZE, limits)

    return fault
