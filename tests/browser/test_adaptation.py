"""How the page adapts the number, the rate and the quality of its frames to the answers."""

import json
from io import BytesIO
from typing import Any

import pytest
from PIL.JpegImagePlugin import JpegImageFile
from playwright.sync_api import Page

from tests import ROOT
from tests.browser.page_driver import run, start, until
from tests.fakes.browser.gateway import FakeGateway, dropped

pytestmark = pytest.mark.browser

CREDIT_WINDOW_CASES = json.loads((ROOT / "tests" / "credit_window_cases.json").read_text())


def test_superseded_answer_narrows_the_window_until_32_answers_without_one(modules: Page) -> None:
    script = """({ fullWindow, answered, superseded }) => {
      let state = superseded(fullWindow(2));
      const sizes = [state.size];
      for (let i = 0; i < 31; i++) state = answered(state);
      sizes.push(state.size);
      sizes.push(answered(state).size);
      return sizes;
    }"""
    assert run(modules, "stream/credit_window.js", script) == [1, 1, 2]


@pytest.mark.parametrize("case", CREDIT_WINDOW_CASES, ids=lambda case: case["name"])
def test_credit_window_follows_the_shared_cases(modules: Page, case: dict[str, Any]) -> None:
    script = """(module, credits, events) => {
      let state = module.fullWindow(credits);
      return events.map((event) => (state = module[event](state)).size);
    }"""
    assert run(modules, "stream/credit_window.js", script, case["credits"], case["events"]) == case["sizes"]


def test_overload_lowers_rate_and_quality_once_and_they_rise_slowly_without_it(modules: Page) -> None:
    script = """({ fullRate, afterDrop, afterLabels }) => {
      const start = fullRate();
      const stale = afterDrop(start, "stale", 1000);
      const again = afterDrop(stale, "stale", 1100);
      const better = afterLabels(again, 20, 2200);
      const pick = ({ fps, quality }) => [fps, quality];
      return [start, stale, again, better].map(pick);
    }"""
    start_, stale, again, better = run(modules, "stream/rate_control.js", script)
    assert start_ == [30, 0.9]
    assert stale == again == pytest.approx([21, 0.81])
    assert better == pytest.approx([22, 0.83])


def test_rising_round_trips_lower_the_rate_and_it_stays_within_its_bounds(modules: Page) -> None:
    script = """({ fullRate, afterLabels }) => {
      let state = fullRate();
      for (let i = 0; i < 10; i++) state = afterLabels(state, 30, i * 30);
      const before = state.fps;
      for (let i = 0; i < 100; i++) state = afterLabels(state, 2000, 1000 + i * 100);
      const slow = [state.fps, state.quality];
      for (let i = 0; i < 5000; i++) state = afterLabels(state, 30, 20000 + i * 30);
      return [before, ...slow, state.fps, state.quality];
    }"""
    before, slow_fps, slow_quality, fps, quality = run(modules, "stream/rate_control.js", script)
    assert before == 30
    assert 1 <= slow_fps < 8
    assert 0.5 <= slow_quality < 0.7
    assert (fps, quality) == pytest.approx((30, 0.9))


def test_page_slows_down_when_frames_come_back_stale(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = lambda _, upload: dropped(upload, "stale")
    start(page)
    until(page, lambda: page.evaluate("sightstream.limits.fps") < 22)
    until(page, lambda: page.locator("#quality").inner_text() < "quality 0.85")


def test_frames_keep_their_pace_though_cameras_tick_unevenly(modules: Page) -> None:
    script = """({ nextDue }, ticks, fps) => {
      let due = -Infinity;
      return ticks.filter((tick) => {
        const next = nextDue(due, tick, fps);
        if (next !== null) due = next;
        return next !== null;
      });
    }"""
    uneven = [0, 33, 67, 99, 134, 166, 201]
    assert run(modules, "stream/rate_control.js", script, uneven, 30) == uneven
    assert run(modules, "stream/rate_control.js", script, uneven, 15) == [0, 67, 134, 201]
    assert run(modules, "stream/rate_control.js", script, [0, 2000, 2500, 3000], 1) == [0, 2000, 3000]
    after_a_slow_source = run(modules, "stream/rate_control.js", "({ nextDue }) => nextDue(1000, 100, 30) !== null")
    assert after_a_slow_source


def test_person_may_cap_the_frames_per_second(page: Page, gateway: FakeGateway) -> None:
    page.get_by_label("Frames a second").select_option("1")
    start(page)
    until(page, lambda: gateway.uploads)
    page.wait_for_timeout(500)
    assert len(gateway.uploads) == 1
    assert page.evaluate("sightstream.limits.fps") == 1


def test_frame_too_large_lowers_the_quality_and_reconnects(page: Page, gateway: FakeGateway) -> None:
    gateway.close(1009)
    until(page, lambda: len(gateway.connections) == 2)
    assert page.evaluate("sightstream.limits.quality") == pytest.approx(0.8)


def test_a_picture_is_sent_at_the_best_quality_until_it_is_too_large(page: Page, gateway: FakeGateway) -> None:
    def coarsest() -> int:
        """The greatest step of the newest frame's JPEG: 1 at the best quality."""
        tables = JpegImageFile(BytesIO(gateway.uploads[-1].jpeg)).quantization
        return max(max(table) for table in tables.values())

    gateway.answer = lambda _, upload: dropped(upload, "stale")  # load lowers the quality of other sources only
    page.get_by_role("button", name="Coffee").click()
    until(page, lambda: len(gateway.uploads) > 1)
    assert coarsest() == 1
    gateway.close(1009)
    until(page, lambda: coarsest() > 1)
