"""Videos from files: what plays is sent upright, and what does not play, or not to its end, is named."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect

from models.images import read_picture
from tests import SAMPLES
from tests.browser.page_driver import until
from tests.fakes.awkward_files import videos
from tests.fakes.browser.gateway import FakeGateway

pytestmark = pytest.mark.browser

VIDEOS = videos()
SIZE = 128
BREAKS_OFF = {
    "cut_off_at_half.mp4": "cut_off_at_half.mp4: ends early, [1-9][0-9] % of it could be read: copy it again",
    "zeros_inside.mp4": "zeros_inside.mp4: damaged, [1-9][0-9] % of it could be read: copy it again",
}
REFUSED = {
    "sound_only.mp4": "sound_only.mp4: no video stream in it: choose another file",
    "sound_and_a_cover.mp4": "sound_and_a_cover.mp4: no video stream in it: choose another file",
    "broken.mp4": "broken.mp4: the video is cut off or damaged: copy it again",
    "cut_off_before_its_index.mp4": "the video is cut off or damaged: copy it again",
    "text.mp4": "text.mp4: a text, not a video",
    "empty.mp4": "empty.mp4: an empty file: copy it again",
}


def choose(page: Page, name: str) -> None:
    file = FilePayload(name=name, mimeType="", buffer=VIDEOS[name])
    page.get_by_label("Picture or video").set_input_files(file)


@pytest.mark.parametrize("name", sorted(VIDEOS.keys() - REFUSED.keys()))
def test_video_is_known_by_its_first_bytes_and_sent_upright(page: Page, gateway: FakeGateway, name: str) -> None:
    choose(page, name)
    until(page, lambda: len(gateway.uploads) > 1)
    with Image.open(io.BytesIO(gateway.uploads[0].jpeg)) as sent:
        difference = read_picture(sent, SIZE, crop=1).astype(int) - read_picture(SAMPLES / "coffee.jpg", SIZE, crop=1)
    assert np.abs(difference).mean() < 8


@pytest.mark.parametrize("name", BREAKS_OFF)
def test_video_that_breaks_off_is_sent_as_far_as_it_can_be_read(page: Page, gateway: FakeGateway, name: str) -> None:
    choose(page, name)
    expect(page.get_by_role("alert")).to_contain_text("The video stopped")
    expect(page.get_by_role("alert")).to_contain_text(re.compile(BREAKS_OFF[name]))
    assert len(gateway.uploads) > 1
    expect(page.get_by_role("button", name="Start camera")).to_be_visible()


@pytest.mark.parametrize("name", REFUSED)
def test_video_that_shows_nothing_is_named(page: Page, gateway: FakeGateway, name: str) -> None:
    choose(page, name)
    expect(page.get_by_role("alert")).to_contain_text(REFUSED[name])
    assert gateway.uploads == []
