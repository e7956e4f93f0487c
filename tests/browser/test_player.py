"""A video file can be paused and sought, with the keyboard too; what is shown is what is labelled."""

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.page_driver import frame_counts, run, until
from tests.fakes.browser.gateway import FakeGateway
from tests.fakes.videos import write_video

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of five seconds."""
    return write_video(tmp_path_factory.mktemp("film") / "film.webm", Image.new("RGB", (96, 64), "red"), frames=50)


@pytest.fixture
def playing(page: Page, gateway: FakeGateway, film: Path) -> Page:
    page.get_by_label("Picture or video").set_input_files(film)
    until(page, lambda: frame_counts(page)["answered"] > 0)
    return page


def test_a_paused_video_stands_still_and_nothing_more_is_sent(playing: Page, gateway: FakeGateway) -> None:
    playing.get_by_role("button", name="Pause", exact=True).click()
    expect(playing.locator("#chip")).to_have_text("Paused")
    playing.wait_for_timeout(500)  # the frame that is shown is labelled
    time, count = playing.evaluate("video.currentTime"), len(gateway.uploads)
    playing.wait_for_timeout(700)
    assert (playing.evaluate("video.currentTime"), len(gateway.uploads)) == (time, count)
    expect(playing.locator("#chip")).to_have_text("Paused")
    playing.get_by_role("button", name="Play", exact=True).click()
    expect(playing.locator("#chip")).to_have_text("Live")
    until(playing, lambda: len(gateway.uploads) > count + 2)


@pytest.mark.parametrize("has_frame_callbacks", [True, False])
def test_the_frame_that_a_paused_video_is_moved_to_is_sent_once(
    page: Page, gateway: FakeGateway, film: Path, has_frame_callbacks: bool
) -> None:
    if not has_frame_callbacks:
        page.evaluate("delete HTMLVideoElement.prototype.requestVideoFrameCallback")
    page.get_by_label("Picture or video").set_input_files(film)
    page.get_by_role("button", name="Pause", exact=True).press("Space")
    page.wait_for_timeout(500)
    count = len(gateway.uploads)
    slider = page.get_by_role("slider", name="Position")
    slider.focus()
    slider.press("Home")
    slider.press("PageUp")
    until(page, lambda: len(gateway.uploads) > count)
    assert page.evaluate("video.currentTime") == pytest.approx(0.5, abs=0.2)
    page.wait_for_timeout(700)
    assert len(gateway.uploads) <= count + 2  # two keys, two frames


def test_the_slider_says_where_the_video_is(playing: Page) -> None:
    slider = playing.get_by_role("slider", name="Position")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^0:0\d of 0:0[45]$"))
    expect(playing.locator("#player .time")).to_have_text(re.compile(r"^0:0\d / 0:0[45]$"))
    before = float(slider.input_value())
    until(playing, lambda: float(slider.input_value()) > before)


def test_only_a_video_file_has_a_player(playing: Page) -> None:
    expect(playing.locator("#player")).to_be_visible()
    playing.get_by_role("button", name="Cat").click()
    expect(playing.locator("#caption")).to_contain_text("Cat")
    expect(playing.locator("#player")).to_be_hidden()


def test_times_are_written_as_clocks_write_them(modules: Page) -> None:
    script = "({ clock }, times) => times.map(clock)"
    times = run(modules, "webcam/player.js", script, [0, 9.99, 83.4, 600, 3723, None])
    assert times == ["0:00", "0:09", "1:23", "10:00", "1:02:03", "–"]
