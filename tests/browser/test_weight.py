"""How much a browser loads."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.page_driver import frame_counts, until
from tests.fakes.browser.chromium import chromium
from tests.fakes.served_gateway import ServedGateway, served_gateway

pytestmark = pytest.mark.browser

MOST_BYTES = 100_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def serving() -> Iterator[ServedGateway]:
    with served_gateway() as gateway:
        yield gateway


@pytest.fixture
def gateway(serving: ServedGateway) -> ServedGateway:
    serving.asked.clear()
    return serving


def open_page(page: Page, gateway: ServedGateway) -> None:
    page.goto(f"http://127.0.0.1:{gateway.port}/")
    expect(page.locator("#state")).to_have_attribute("data-state", re.compile("open|idle"))


def weighed(page: Page) -> dict[str, int]:
    """By address, how many bytes came over the network for it, headers included; filled while the page loads."""
    addresses: dict[str, str] = {}
    loaded: dict[str, int] = {}

    def sent(event: dict[str, Any]) -> None:
        addresses[event["requestId"]] = event["request"]["url"]

    def finished(event: dict[str, Any]) -> None:
        address = addresses[event["requestId"]]
        loaded[address] = loaded.get(address, 0) + int(event["encodedDataLength"])

    network = page.context.new_cdp_session(page)
    network.on("Network.requestWillBeSent", sent)
    network.on("Network.loadingFinished", finished)
    network.send("Network.enable")
    return loaded


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_first_visit_of_the_webcam_page_loads_at_most_100_kb(
    browser: Browser, gateway: ServedGateway, language: str
) -> None:
    context = browser.new_context(locale=language)
    page = context.new_page()
    loaded = weighed(page)
    open_page(page, gateway)
    # a browser in which the page can be installed also loads these
    page.evaluate(
        """async () => {
          const manifest = document.querySelector("link[rel=manifest]").href;
          const { icons } = await (await fetch(manifest)).json();
          await (await fetch(new URL(icons[0].src, manifest))).arrayBuffer();
        }"""
    )
    assert sorted(set(gateway.asked)) == sorted(gateway.asked)  # nothing twice
    total = sum(loaded.values())
    largest = sorted(loaded.items(), key=lambda each: -each[1])[:12]
    listed = "\n".join(f"{size:7,} {address}" for address, size in largest)
    print(f"{total:,} bytes in {len(loaded)} files, the largest are\n{listed}")
    assert {"manifest.webmanifest", "page.js", "page.css", "cat.jpg"} <= {each.split("/")[-1] for each in loaded}
    assert all(size > 0 for size in loaded.values()), listed
    assert total <= MOST_BYTES, f"{total:,} bytes in {len(loaded)} files, the largest are\n{listed}"
    context.close()


def test_the_second_visit_loads_the_page_alone(browser: Browser, gateway: ServedGateway) -> None:
    context = browser.new_context()
    page = context.new_page()
    open_page(page, gateway)
    assert any("/static/" in each for each in gateway.asked)
    gateway.asked.clear()
    open_page(page, gateway)
    assert gateway.asked == ["/", "/ws"]
    context.close()


def test_a_sample_is_loaded_when_it_is_chosen(browser: Browser, gateway: ServedGateway) -> None:
    page = browser.new_page()
    open_page(page, gateway)
    assert not [each for each in gateway.asked if "/samples/" in each or "/files/picture.js" in each]
    page.get_by_role("button", name="Coffee").click()
    until(page, lambda: frame_counts(page)["answered"])
    assert [each.rpartition("/")[2] for each in gateway.asked if "/samples/" in each] == ["coffee.jpg"]
    page.close()


def test_a_page_of_before_an_upgrade_still_opens_a_file(
    browser: Browser, gateway: ServedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.views.templates.version", lambda: "0123456789ab")
    page = browser.new_page()
    open_page(page, gateway)
    page.get_by_role("button", name="Cat").click()
    until(page, lambda: frame_counts(page)["answered"])
    assert "/static/0123456789ab/files/picture.js" in gateway.asked
    page.close()


def test_a_file_whose_reader_cannot_be_loaded_is_not_called_broken(browser: Browser, gateway: ServedGateway) -> None:
    page = browser.new_page()
    open_page(page, gateway)
    page.route("**/files/picture.js", lambda route: route.abort())
    page.get_by_role("button", name="Cat").click()
    expect(page.get_by_role("alert")).to_contain_text("could not load what it needs to read it")
    page.unroute("**/files/picture.js")
    page.get_by_role("button", name="Cat").click()
    until(page, lambda: frame_counts(page)["answered"])
    page.close()
