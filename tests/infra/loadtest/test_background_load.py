import asyncio
import time

import psutil

from infra.loadtest.background_load import background_load


async def test_background_load_keeps_its_pace_and_leaves_no_process_behind() -> None:
    before = psutil.Process().children()
    began = time.monotonic()
    # 100 payloads of 200 kB do not fit into the sockets' buffers: the other process must read them
    async with background_load([bytes(200_000)], sockets=4, per_second=100) as load:
        [reader] = [each for each in psutil.Process().children() if each not in before]
        while load.sent < 100:
            await asyncio.sleep(0.01)
    assert time.monotonic() - began >= 0.9  # a slow machine may take longer
    assert not reader.is_running()
