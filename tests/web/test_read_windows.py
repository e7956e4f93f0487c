"""Sessions beyond their credits are read in windows, all others at once."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from web.hub import Outbox
from web.protocol import Upload, pack
from web.read_windows import PERIOD_S, WINDOW_S, seconds_until_open
from web.websocket import read

FRAME = {"type": "websocket.receive", "bytes": pack(Upload(1, 0.0, b"\xff\xd8"))}


class BusyBrowser:
    """A browser that always has a frame to read, and notes when it is read. After ``most`` frames it leaves."""

    def __init__(self, most: int = 10**9) -> None:
        self.most = most
        self.read_at: list[float] = []

    async def receive(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        if len(self.read_at) == self.most:
            return {"type": "websocket.disconnect"}
        self.read_at.append(asyncio.get_running_loop().time())
        return FRAME


class FakeHub:
    """A hub whose sessions all have room for another frame, or none has."""

    def __init__(self, has_room: bool) -> None:
        self.has_room = has_room

    def offer(self, *_: Any) -> bool:
        return self.has_room


@pytest.mark.parametrize(
    ("since_opened", "wait_s"), [(0.0, 0.0), (WINDOW_S / 2, 0.0), (2 * WINDOW_S, PERIOD_S - 2 * WINDOW_S)]
)
def test_wait_is_until_the_next_window_opens(since_opened: float, wait_s: float) -> None:
    assert seconds_until_open(7 * PERIOD_S + since_opened) == pytest.approx(wait_s, abs=1e-9)


def test_windows_open_for_all_sessions_at_the_same_time() -> None:
    openings = {round(now + seconds_until_open(now), 6) for now in (5.02, 5.05, 5.0999)}
    assert openings == {5.1}


async def test_a_browser_beyond_its_credits_is_read_in_windows() -> None:
    browser = BusyBrowser()
    with suppress(TimeoutError):
        async with asyncio.timeout(5 * PERIOD_S):
            await read(browser, FakeHub(has_room=False), "s", Outbox(""))  # type: ignore[arg-type]
    in_a_window = [at for at in browser.read_at if at % PERIOD_S <= 2 * WINDOW_S]  # a slow machine wakes up late
    assert len(in_a_window) > 0.9 * len(browser.read_at)
    assert len({at // PERIOD_S for at in in_a_window}) >= 3


async def test_a_browser_within_its_credits_never_waits() -> None:
    browser = BusyBrowser(most=500)
    began = asyncio.get_running_loop().time()
    await read(browser, FakeHub(has_room=True), "s", Outbox(""))  # type: ignore[arg-type]
    pauses = [after - before for before, after in zip([began, *browser.read_at], browser.read_at, strict=False)]
    assert sum(pause > PERIOD_S / 2 for pause in pauses) <= 1  # at most one that the machine itself makes
