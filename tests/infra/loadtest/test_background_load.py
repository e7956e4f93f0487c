import asyncio
import time

import psutil

from infra.loadtest.background_load import burden


async def test_a_burden_is_carried_at_its_pace_and_leaves_nothing_behind() -> None:
    before = psutil.Process().children()
    began = time.monotonic()
    async with burden([bytes(200_000)], sockets=4, per_second=100) as account:  # sockets alone hold less of it
        [sink] = [each for each in psutil.Process().children() if each not in before]
        while account.carried < 100:
            await asyncio.sleep(0.01)
    assert time.monotonic() - began >= 0.9  # a slow machine may take longer
    assert not sink.is_running()
