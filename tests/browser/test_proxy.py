"""The pages behind a reverse proxy that serves the gateway under a path."""

import csv
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from infra.local.ports import free_port
from streams.contract.settings import Settings
from tests.browser.page_driver import frame_counts, start, until
from tests.fakes.gateway import EmptyStatsReader, InstantBroker
from tests.fakes.reverse_proxy import ReverseProxy, behind_proxy
from web.app import create_app

pytestmark = pytest.mark.browser

TOKEN = "the operator's token"
LOCAL = "127.0.0.1"
PREFIX = {"X-Forwarded-Prefix": "/a/vision"}
WAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # settings, and what the proxy does
    "strips without a word": ({}, {}),
    "strips": ({"root_path": "/a/vision"}, {}),
    "keeps": ({"root_path": "/a/vision"}, {"strips": False}),
    "strips and says so": ({"trusted_proxies": [LOCAL]}, {"headers": PREFIX}),
    "keeps and says so": ({"trusted_proxies": [LOCAL]}, {"headers": PREFIX, "strips": False}),
}


@contextmanager
def proxied(settings: dict[str, Any], how: dict[str, Any]) -> Iterator[ReverseProxy]:
    app = create_app(Settings(operator_token=TOKEN, **settings), InstantBroker, EmptyStatsReader)
    with behind_proxy(app, ReverseProxy(0, "/a/vision", **how)) as proxy:
        yield proxy


@pytest.fixture
def opened(context: BrowserContext) -> Iterator[Callable[[str], Page]]:
    """Opens a page. No script may fail, no file may be missing, and no address may lead out of the path."""
    errors: list[str] = []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if "Security Policy" in line.text else None)
        page.on("response", lambda answer: errors.append(answer.url) if answer.status in (404, 500) else None)

    def open_page(address: str) -> Page:
        page = context.new_page()
        page.goto(address)
        return page

    context.on("page", watch)
    yield open_page
    assert errors == []


@pytest.mark.parametrize("way", WAYS)
def test_every_link_socket_and_download_works(opened: Callable[[str], Page], way: str) -> None:
    with proxied(*WAYS[way]) as proxy:
        page = opened(proxy.url)
        expect(page.locator("#state")).to_have_text("Connected")
        start(page)
        until(page, lambda: frame_counts(page)["answered"] > 2)
        page.get_by_role("button", name="Cat").click()
        expect(page.locator("#chip")).to_have_text("Picture")
        with page.expect_popup() as popup:
            page.get_by_role("link", name="Statistics of this session").click()
        stats = popup.value
        expect(stats.locator("#state")).to_have_text("Waiting")  # this gateway reads no statistics
        assert stats.url == f"{proxy.url}stats/{page.evaluate('sightstream.session')}"
        with stats.expect_download() as saved:
            stats.get_by_role("link", name="CSV").click()
        rows = list(csv.reader(saved.value.path().read_text().splitlines()))
        assert ["sent", "", "0"] in rows
        with stats.expect_download() as saved:
            stats.get_by_role("link", name="JSON").click()
        assert page.evaluate("sightstream.session") in saved.value.path().read_text()
        assert proxy.strays == []


@pytest.mark.parametrize("way", WAYS)
def test_the_operator_signs_in_and_out(opened: Callable[[str], Page], way: str) -> None:
    with proxied(*WAYS[way]) as proxy:
        ops = opened(f"{proxy.url}ops")
        ops.get_by_label("The operator’s token").fill(TOKEN)
        ops.get_by_role("button", name="Sign in").click()
        expect(ops.locator("#state")).to_have_text("Ready")
        assert ops.url == f"{proxy.url}ops"
        [cookie] = ops.context.cookies()
        assert cookie["path"] == ("/" if way == "strips without a word" else "/a/vision")
        ops.get_by_role("button", name="Sign out").click()
        expect(ops.get_by_text("For operators")).to_be_visible()
        assert ops.context.cookies() == []
        assert proxy.strays == []


@pytest.mark.parametrize("way", [each for each in WAYS if each != "strips without a word"])
def test_the_path_without_a_slash_at_its_end_is_the_page(opened: Callable[[str], Page], way: str) -> None:
    with proxied(*WAYS[way]) as proxy:
        page = opened(proxy.url.removesuffix("/"))
        expect(page.locator("#state")).to_have_text("Connected")
        assert page.locator("#stats").get_attribute("href") == (
            f"{proxy.url}stats/{page.evaluate('sightstream.session')}"
        )
        assert proxy.strays == []


@pytest.mark.parametrize("strips", [True, False])
def test_where_the_proxy_replaces_the_host_page_and_log_say_so_and_nothing_is_tried_again(
    context: BrowserContext, caplog: pytest.LogCaptureFixture, strips: bool
) -> None:
    how = {"strips": strips, "host": "gateway.internal:8000"}
    with caplog.at_level(logging.WARNING, "web"), proxied({"root_path": "/a/vision"}, how) as proxy:
        page = context.new_page()
        page.goto(proxy.url)
        expect(page.get_by_role("alert")).to_contain_text("the gateway's log says what to set")
        expect(page.locator("#state")).to_have_text("Not connected")
        page.wait_for_timeout(1000)
        assert proxy.websockets == 1
        page.get_by_role("button", name="Connect again").click()
        until(page, lambda: proxy.websockets == 2)
        origin = f"http://127.0.0.1:{proxy.port}"
        [line] = [each for each in caplog.messages if origin in each]
        assert f"add {origin} to SIGHTSTREAM_ORIGINS" in line
        assert "gateway.internal" not in page.content()


def test_a_replaced_host_does_no_harm_where_the_origin_is_set(opened: Callable[[str], Page]) -> None:
    port = free_port(LOCAL, 0)
    how = {"host": "gateway.internal:8000", "port": port}
    with proxied({"origins": [f"http://{LOCAL}:{port}"]}, how) as proxy:
        expect(opened(proxy.url).locator("#state")).to_have_text("Connected")


def test_a_replaced_host_does_no_harm_where_a_named_proxy_sends_the_browsers(opened: Callable[[str], Page]) -> None:
    port = free_port(LOCAL, 0)
    how = {"host": "gateway.internal:8000", "port": port, "headers": {"X-Forwarded-Host": f"{LOCAL}:{port}"}}
    with proxied({"trusted_proxies": [LOCAL]}, how) as proxy:
        expect(opened(proxy.url).locator("#state")).to_have_text("Connected")


def test_too_many_connections_are_said_and_tried_again_after_growing_waits(opened: Callable[[str], Page]) -> None:
    with proxied({"max_sockets_per_address": 1}, {}) as proxy:
        first = opened(proxy.url)
        expect(first.locator("#state")).to_have_text("Connected")
        second = opened(proxy.url)
        expect(second.get_by_role("alert")).to_contain_text("Too many connections are open")
        started = time.monotonic()
        second.wait_for_timeout(3000)
        assert proxy.websockets < 3 + 1.5 * (time.monotonic() - started)
        first.close()
        expect(second.locator("#state")).to_have_text("Connected", timeout=12_000)
        expect(second.get_by_role("alert")).to_be_hidden()


def test_each_browser_behind_a_named_proxy_has_its_own_limit(opened: Callable[[str], Page]) -> None:
    settings = {"max_sockets_per_address": 1, "trusted_proxies": [LOCAL]}
    with proxied(settings, {"headers": {"X-Forwarded-For": "192.0.2.1"}}) as proxy:
        expect(opened(proxy.url).locator("#state")).to_have_text("Connected")
        proxy.headers = {"X-Forwarded-For": "192.0.2.2"}
        expect(opened(proxy.url).locator("#state")).to_have_text("Connected")
