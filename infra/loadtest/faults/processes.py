"""Faults of the stack's processes: signals, and restarts in turn."""

import asyncio
import signal

from infra.loadtest.faults.case import Fault
from infra.loadtest.faults.wholeness import names_of, until_whole
from infra.loadtest.stack_under_test import process_of, wait_until
from infra.local.stack import Stack

RESTART_S = 60.0


def send_signal(*names: str, number: signal.Signals = signal.SIGKILL) -> Fault:
    """The fault that sends a signal to processes of the stack, all at once."""

    async def fault(stack: Stack) -> None:
        for process in [process_of(stack, name) for name in names]:
            process.send_signal(number)

    return fault


def suspend(name: str, seconds: float) -> Fault:
    """The fault that suspends a process of the stack for some seconds."""

    async def fault(stack: Stack) -> None:
        process = process_of(stack, name)
        process.suspend()
        try:
            await asyncio.sleep(seconds)
        finally:
            process.resume()

    return fault


async def restart(stack: Stack, name: str, number: signal.Signals = signal.SIGTERM) -> None:
    """End a process by a signal; returns when another one is there in its place.

    Raises:
        TimeoutError: there is none after 60 seconds.
    """
    before = stack.pids[name]
    process_of(stack, name).send_signal(number)
    await wait_until(lambda: stack.pids.get(name, before) != before, RESTART_S)


async def restart_one_by_one(stack: Stack) -> None:
    """Every process gets SIGTERM, the next one when the stack is whole again.

    Raises:
        TimeoutError: it is not after 60 seconds.
    """
    for name in names_of(stack):
        await restart(stack, name)
        await until_whole(stack, RESTART_S)


async def no_fault(_: Stack) -> None:
    """Does nothing, for cases where only the clients or what was prepared is unusual."""
