"""The statistics page and the operations view for everybody: small screens, keyboard, colours, German."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.fakes.browser.gateway import FakeGateway
from tests.fakes.browser.reports import Reports, operations, statistics

pytestmark = pytest.mark.browser

OUTSIDE = """() => [...document.querySelectorAll("body *")]
  .filter((each) => !each.matches(".scroll *, canvas") && each.getBoundingClientRect().right > innerWidth + 1)
  .map((each) => each.outerHTML.slice(0, 80))"""


@pytest.fixture
def both(context: BrowserContext, gateway: FakeGateway) -> Iterator[dict[str, Page]]:
    with (
        Reports.of(context, f"{gateway.url}stats/abc", statistics) as stats,
        Reports.of(context, f"{gateway.url}ops", lambda: operations(worker=1.0)) as ops,
    ):
        expect(stats.page.locator("#labels tr")).to_have_count(1)
        expect(ops.page.locator("#workers tr")).to_have_count(1)
        yield {"stats": stats.page, "ops": ops.page}


def test_nothing_leaves_its_column_on_small_screens_and_with_large_letters(both: dict[str, Page]) -> None:
    for name, page in both.items():
        page.bring_to_front()
        for width, letters in (
            (320, 100),
            (320, 200),
            (640, 100),
            (1280, 200),
        ):  # 640: half of 1280, as zoom shows it
            page.set_viewport_size({"width": width, "height": 640})
            page.evaluate("(percent) => (document.documentElement.style.fontSize = `${percent}%`)", letters)
            found = page.evaluate(OUTSIDE), page.evaluate("document.documentElement.scrollWidth")
            assert found == ([], width), (name, width, letters)


def test_the_keyboard_reaches_every_table_that_scrolls_and_each_has_a_name(both: dict[str, Page]) -> None:
    for page, names in (
        (both["stats"], ["Where the time goes", "What it saw"]),
        (both["ops"], ["Workers", "Model versions", "Without a label, by reason", "Sessions"]),
    ):
        page.bring_to_front()
        page.set_viewport_size({"width": 320, "height": 640})
        for name in names:
            table = page.get_by_role("region", name=f"Table: {name}", exact=True)
            table.focus()
            expect(table).to_be_focused()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("() => document.activeElement.scrollLeft > 0")


def test_focus_and_the_place_in_a_table_survive_new_reports(both: dict[str, Page]) -> None:
    page = both["ops"]
    page.set_viewport_size({"width": 320, "height": 640})
    region = page.get_by_role("region", name="Table: Workers", exact=True)
    region.focus()
    region.evaluate("(region) => region.scrollTo(90, 0)")
    first = page.evaluate("sightstream.report.now")
    page.wait_for_function("(first) => sightstream.report.now > first", arg=first)
    expect(region).to_be_focused()
    assert region.evaluate("(region) => region.scrollLeft") == 90


def test_every_chart_has_a_text_that_is_kept_current(context: BrowserContext, gateway: FakeGateway) -> None:
    with Reports.of(context, f"{gateway.url}stats/abc", lambda: statistics(frames=0)) as stats:
        charts = stats.page.get_by_role("img", name="No figures yet")
        expect(charts).to_have_count(4)
        stats.report = lambda: statistics(frames=40)
        expect(charts).to_have_count(0)
        rate = stats.page.locator("#rate-chart")
        expect(rate).to_have_attribute("aria-label", re.compile(r"^Frames a second; lately \d+(\.\d)? with a label$"))
        expect(stats.page.locator("#labels-chart")).to_have_attribute(
            "aria-label", re.compile("most often tabby 100")
        )


def test_forced_colours_keep_dots_and_bars(context: BrowserContext, gateway: FakeGateway) -> None:
    with Reports.of(context, f"{gateway.url}stats/abc", statistics) as stats:
        page = stats.page
        page.emulate_media(forced_colors="active")
        expect(page.locator("#labels tr")).to_have_count(1)
        seen = """([selector, part]) => {
          const style = getComputedStyle(document.querySelector(selector), part);
          return [style.backgroundColor, style.borderTopWidth, style.forcedColorAdjust];
        }"""
        canvas = page.evaluate("getComputedStyle(document.body).backgroundColor")
        for selector, part in ((".legend .p50", "::before"), ("#hops .key", "::before"), (".share-bar", "::after")):
            background, border, adjust = page.evaluate(seen, [selector, part])
            assert background != canvas, selector
            assert (border, adjust) == ("1px", "none"), selector


def test_a_copied_link_is_that_of_the_page_and_is_said_aloud(context: BrowserContext, gateway: FakeGateway) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    with Reports.of(context, f"{gateway.url}stats/abc", statistics) as stats:
        button = stats.page.get_by_role("button", name="Copy link")
        button.click()
        expect(stats.page.get_by_role("status").filter(has_text="Copied")).to_have_count(1)
        assert stats.page.evaluate("navigator.clipboard.readText()") == f"{gateway.url}stats/abc"
        stats.page.evaluate("Object.defineProperty(navigator, 'clipboard', {})")  # as without HTTPS
        expect(button).to_be_visible()
        button.click()
        expect(stats.page.get_by_role("button", name="Copied")).to_be_focused()


def test_both_pages_speak_german_and_write_numbers_so(browser: Browser, gateway: FakeGateway) -> None:
    context = browser.new_context(locale="de-DE")
    with (
        Reports.of(context, f"{gateway.url}stats/abc", lambda: statistics(frames=2000)) as stats,
        Reports.of(context, f"{gateway.url}ops", lambda: operations(worker=1.0)) as ops,
    ):
        expect(stats.page.locator("#fps")).to_have_text(re.compile(r"^\d,\d$"))
        expect(stats.page.locator("#sent")).to_have_text("von 2.000 Bildern")
        expect(stats.page.locator("#settled")).to_have_text("Meist: tabby")
        expect(stats.page.locator("#reasons")).to_have_text("200 durch ein neueres Bild ersetzt")
        expect(ops.page.locator("#state")).to_have_text("Bereit")
        expect(ops.page.locator("#self-test")).to_have_text("13")
        expect(ops.page.locator("#load")).to_have_text("0,50")
        ops.report = lambda: operations(read=5.0)
        expect(ops.page.locator("#why")).to_contain_text("Kafka antwortet dem Gateway nicht.")
    context.close()


def test_each_page_leads_to_the_webcam_page(both: dict[str, Page], gateway: FakeGateway) -> None:
    for page in both.values():
        page.get_by_role("link", name="Webcam page").click()
        page.wait_for_url(gateway.url)
