import asyncio
from contextlib import suppress
from typing import Any

from web.hub import Outbox
from web.protocol import Upload, pack
from web.websocket import GULP_EVERY_S, GULP_S, read

FRAME = {"type": "websocket.receive", "bytes": pack(Upload(1, 0.0, b"\xff\xd8"))}


class Browser:
    """One that always has a frame for who reads, and notes when it is read; after ``most`` frames it goes."""

    def __init__(self, most: int = 10**9) -> None:
        self.most = most
        self.moments: list[float] = []

    async def receive(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        if len(self.moments) == self.most:
            return {"type": "websocket.disconnect"}
        self.moments.append(asyncio.get_running_loop().time())
        return FRAME


class Table:
    """In the place of a hub whose sessions all have room for another frame, or none."""

    def __init__(self, has_room: bool) -> None:
        self.has_room = has_room

    def offer(self, *_: Any) -> bool:
        return self.has_room


async def test_a_browser_beyond_its_credits_is_read_in_gulps() -> None:
    browser = Browser()
    with suppress(TimeoutError):
        async with asyncio.timeout(5 * GULP_EVERY_S):
            await read(browser, Table(has_room=False), "s", Outbox(""))  # type: ignore[arg-type]
    in_a_gulp = [at for at in browser.moments if at % GULP_EVERY_S <= 2 * GULP_S]  # a slow machine swallows slowly
    assert len(in_a_gulp) > 0.9 * len(browser.moments)
    assert len({at // GULP_EVERY_S for at in in_a_gulp}) >= 3


async def test_a_browser_within_its_credits_never_waits() -> None:
    browser = Browser(most=500)
    began = asyncio.get_running_loop().time()
    await read(browser, Table(has_room=True), "s", Outbox(""))  # type: ignore[arg-type]
    pauses = [after - before for before, after in zip([began, *browser.moments], browser.moments, strict=False)]
    assert sum(pause > GULP_EVERY_S / 2 for pause in pauses) <= 1  # the machine's own, at most
