"""The camera page in Chromium, connected to a fake gateway: neither broker nor model."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.page_driver import INSECURE
from tests.fakes.browser.camera_file import colour_card, write_camera_file
from tests.fakes.browser.chromium import chromium
from tests.fakes.browser.gateway import FakeGateway, FakeServer, serving


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    camera = write_camera_file(tmp_path_factory.mktemp("camera") / "card.mjpeg", colour_card())
    with chromium(f"--host-resolver-rules=MAP {INSECURE} 127.0.0.1", camera=camera) as browser:
        yield browser


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServer]:
    with serving() as server:
        yield server


@pytest.fixture
def gateway(server: FakeServer) -> FakeGateway:
    return server.renew()


@pytest.fixture(scope="module")
def modules(browser: Browser, server: FakeServer) -> Iterator[Page]:
    """A blank page of the same origin, where the page's modules may be imported one by one."""
    page = browser.new_page()
    page.goto(f"{server.gateway.url}static/shared/outcomes.js")
    yield page
    page.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(permissions=["camera"])
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, gateway: FakeGateway) -> Iterator[Page]:
    """The page, connected. No script may fail, and nothing may break the content security policy."""
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if "Security Policy" in line.text else None)
    page.goto(gateway.url)
    expect(page.get_by_role("status").first).to_have_text("Connected")
    yield page
    assert errors == []
