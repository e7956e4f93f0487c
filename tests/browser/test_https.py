"""The page over HTTPS, as on another device: under a name that is not this machine's loopback."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.page_driver import frame_counts, start, until
from tests.fakes.browser.chromium import chromium
from tests.fakes.served_gateway import HttpsGateway, https_gateway

pytestmark = pytest.mark.browser

NAME = "camera-box.local"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpsGateway]:
    with https_gateway(tmp_path_factory.mktemp("tls"), NAME) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def browser(gateway: HttpsGateway) -> Iterator[Browser]:
    with chromium(f"--host-resolver-rules=MAP {NAME} 127.0.0.1") as browser:
        yield browser


def test_a_device_whose_owner_accepts_the_warning_has_camera_and_answers(
    browser: Browser, gateway: HttpsGateway
) -> None:
    context = browser.new_context(ignore_https_errors=True, permissions=["camera"])
    page = context.new_page()
    page.goto(f"https://{NAME}:{gateway.port}/")
    expect(page.locator("#state")).to_have_text("Connected")
    assert page.evaluate("isSecureContext")
    start(page)
    until(page, lambda: frame_counts(page)["answered"] > 2)
    kind, authority = page.evaluate(
        "fetch('ca.crt').then(async (got) => [got.headers.get('content-type'), await got.text()])"
    )
    assert (kind, authority) == ("application/x-x509-ca-cert", gateway.own.authority.read_text())
    context.close()


def test_the_warning_names_an_authority_that_is_not_known_and_nothing_else(
    browser: Browser, gateway: HttpsGateway
) -> None:
    page = browser.new_page()
    with pytest.raises(Exception, match="ERR_CERT_AUTHORITY_INVALID"):  # not the name, the dates or the strength
        page.goto(f"https://{NAME}:{gateway.port}/")
    page.close()
