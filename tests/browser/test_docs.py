"""The viewers of the API show the documents, without another server and within the content security policy."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fakes.browser.chromium import chromium
from tests.fakes.served_gateway import served_gateway

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    with served_gateway(root_path="/vision") as served:
        yield f"http://127.0.0.1:{served.port}/vision"


@pytest.fixture
def page(browser: Browser, root: str) -> Iterator[Page]:
    """A page that may ask only the gateway, and may neither fail nor break the policy."""
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.on("request", lambda request: errors.append(request.url) if not is_own(request.url, root) else None)
    yield page
    page.close()
    assert errors == []


def is_own(address: str, root: str) -> bool:
    return address.startswith((f"{root}/", "data:", "blob:"))


def test_the_operations_are_shown_and_can_be_tried(page: Page, root: str) -> None:
    page.goto(f"{root}/")
    page.get_by_role("link", name="API").click()
    page.locator(".opblock-summary-path", has_text="/healthz").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(page.locator(".request-url")).to_contain_text(f"{root}/healthz")


def test_the_messages_are_shown_without_a_complaint(page: Page, root: str) -> None:
    page.goto(f"{root}/docs")
    page.evaluate("addEventListener('asyncapi-error', (event) => console.error(event.detail))")
    page.get_by_role("link", name="WebSocket and Kafka").click()
    for words in ("sightstream.predictions", "capture time, milliseconds since 1970", "replaced by a newer frame"):
        expect(page.get_by_text(words).first).to_be_attached()
    expect(page.get_by_text("error in the document")).to_have_count(0)
