"""Browsers that give noise instead of the pixels of a canvas: no noise is sent, and the page says what to allow."""

import io

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, expect

from tests.browser.page_driver import start
from tests.fakes.browser.camera_file import LEFT, RIGHT, is_near, pixel
from tests.fakes.browser.firefox import firefox
from tests.fakes.browser.gateway import FakeGateway
from tests.fakes.browser.tab import text, until_text

pytestmark = pytest.mark.browser

NOISE = """(ways) => {
  const noise = (data) => { for (let i = 0; i < data.length; i++) data[i] = (i % 32) * 57 + 13; return data; };
  const read = CanvasRenderingContext2D.prototype.getImageData;
  CanvasRenderingContext2D.prototype.getImageData = function (...where) {
    const pixels = read.apply(this, where);
    noise(pixels.data);
    return pixels;
  };
  const encode = HTMLCanvasElement.prototype.toBlob;
  HTMLCanvasElement.prototype.toBlob = function (done, ...how) {
    if (window.allowed) return encode.call(this, done, ...how);
    const copy = Object.assign(document.createElement("canvas"), { width: this.width, height: this.height });
    const pixels = new ImageData(this.width, this.height);
    noise(pixels.data);
    copy.getContext("2d").putImageData(pixels, 0, 0);
    encode.call(copy, done, ...how);
  };
  if (ways === 1) return;
  OffscreenCanvas.prototype.convertToBlob = async () => new Blob([]);
}"""


def test_noise_instead_of_pixels_is_not_sent_and_said_with_what_to_allow(
    context: BrowserContext, gateway: FakeGateway
) -> None:
    context.add_init_script(f"({NOISE})(2)")
    page = context.new_page()
    page.goto(gateway.url)
    start(page)
    expect(page.locator("#chip")).to_have_text("Pixels hidden")
    expect(page.locator("#why")).to_contain_text("Allow this page to read canvas data")
    page.get_by_role("button", name="Cat").click()
    expect(page.locator("#caption")).to_contain_text("Cat")
    expect(page.locator("#chip")).to_have_text("Pixels hidden")
    page.wait_for_timeout(300)
    assert gateway.uploads == []
    page.evaluate("window.allowed = true")
    expect(page.locator("#chip")).to_have_text("Picture")


def test_firefox_that_resists_fingerprinting_sends_no_noise(gateway: FakeGateway) -> None:
    with firefox("privacy.resistFingerprinting") as tab:
        tab.open(gateway.url)
        for selector in ("#start", ".sample"):
            tab.click(selector)
            until_text(tab, "#chip", "Pixels hidden")
        assert "Allow this page to read canvas data" in text(tab, "#why")
        assert gateway.uploads == []


def test_another_way_to_read_pixels_is_used_where_there_is_one(context: BrowserContext, gateway: FakeGateway) -> None:
    context.add_init_script(f"({NOISE})(1)")
    page = context.new_page()
    page.goto(gateway.url)
    start(page)
    expect(page.locator("#chip")).to_have_text("Live")
    expect(page.locator("#why")).to_contain_text("frames are read in another way")
    with Image.open(io.BytesIO(gateway.uploads[-1].jpeg)) as sent:
        assert is_near(pixel(sent, 3, 130), LEFT) and is_near(pixel(sent, 256, 130), RIGHT)


def test_slight_changes_of_pixels_are_no_noise(context: BrowserContext, gateway: FakeGateway) -> None:
    context.add_init_script(
        """const read = CanvasRenderingContext2D.prototype.getImageData;
        CanvasRenderingContext2D.prototype.getImageData = function (...where) {
          const pixels = read.apply(this, where);
          for (let i = 0; i < pixels.data.length; i += 3) pixels.data[i] ^= 1;
          return pixels;
        };"""
    )
    page = context.new_page()
    page.goto(gateway.url)
    start(page)
    expect(page.locator("#chip")).to_have_text("Live")
    expect(page.locator("#why")).to_have_text("")
