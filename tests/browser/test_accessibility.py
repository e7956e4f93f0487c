"""The page for everybody: keyboard, screen reader, contrast, motion and small screens."""

import pytest
from playwright.sync_api import Page, expect

from tests.fakes.browser.gateway import MODEL, FakeGateway

pytestmark = pytest.mark.browser


def test_everything_can_be_reached_by_keyboard_in_a_sensible_order(page: Page, gateway: FakeGateway) -> None:
    gateway.send({"type": "models", "models": [dict(MODEL), {**MODEL, "name": "other"}], "model": dict(MODEL)})
    expect(page.get_by_role("combobox", name="Model")).to_be_visible()
    names = []
    for _ in range(7):  # the list of only one camera is disabled
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    assert names == ["start", "file", "cap", "Cat", "Coffee", "model-choice", "stats"]
    page.get_by_role("button", name="Start camera").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Stop")).to_be_focused()


def test_every_part_has_a_name_and_a_role(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Sightstream")
    for heading in ("What it sees", "How fast", "Model"):
        expect(page.get_by_role("heading", level=2, name=heading, exact=True)).to_be_visible()
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.get_by_role("list", name="What it sees")).to_have_count(1)
    expect(page.get_by_role("combobox", name="Camera")).to_be_visible()
    expect(page.get_by_role("combobox", name="Frames a second")).to_be_visible()
    expect(page.get_by_role("link", name="Statistics of this session")).to_be_visible()
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, input, select, a, canvas")]
          .filter((each) => !(each.ariaLabel || each.textContent.trim() || each.labels?.length
            || each.getAttribute("aria-labelledby"))).map((each) => each.outerHTML)"""
    )
    assert [each for each in nameless if "notice-action" not in each] == []
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.evaluate("[...document.images].every((image) => image.hasAttribute('alt'))")


def test_text_has_enough_contrast_in_light_and_dark(page: Page) -> None:
    script = """() => {
      const style = getComputedStyle(document.documentElement);
      const light = (name) => {
        const hex = style.getPropertyValue(name).trim();
        const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
          .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
      return [["--text", "--card"], ["--muted", "--card"], ["--muted", "--background"], ["--muted", "--picture"],
        ["--muted", "--accent-faint"], ["--accent", "--background"], ["--on-accent", "--accent"],
        ["--warn", "--warn-faint"], ["--text", "--warn-faint"]].map(([a, b]) => [a, b, ratio(a, b)]);
    }"""
    page.emulate_media(color_scheme="light")
    light = page.evaluate(script)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(script)
    assert light != dark
    assert [each for each in light + dark if not each[2] >= 4.5] == []  # WCAG 2.2, 1.4.3


def test_nothing_moves_for_those_who_prefer_reduced_motion(page: Page) -> None:
    moving = """() => [...document.querySelectorAll("*")].flatMap((each) => ["", "::before", "::after"]
      .map((part) => getComputedStyle(each, part)))
      .filter((style) => style.animationName !== "none" || parseFloat(style.transitionDuration) > 0).length"""
    page.get_by_role("button", name="Cat").click()
    expect(page.locator("#chip")).to_have_text("Picture")
    assert page.evaluate(moving) > 0
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(moving) == 0


def test_page_never_scrolls_sideways(page: Page) -> None:
    for width in (320, 390, 768, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
