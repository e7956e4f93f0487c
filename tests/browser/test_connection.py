"""How the page stays connected to its session."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.page_driver import frame_counts, run, start, until
from tests.fakes.browser.gateway import FakeGateway, labels

pytestmark = pytest.mark.browser


def test_reconnect_resumes_the_session_and_names_what_is_pending(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = None
    start(page)
    until(page, lambda: len(gateway.uploads) == 2)
    gateway.answer = lambda _, upload: labels(upload)
    gateway.close(1012)
    until(page, lambda: len(gateway.uploads) >= 5)
    assert gateway.connections[1] == {"token": "token-1", "pending": "1,2", "sent": "2"}
    counts = frame_counts(page)
    assert counts["expired"] == 2
    assert [upload.seq for upload in gateway.uploads[2:4]] == [3, 4]
    assert page.evaluate("sightstream.session") == "session-1"
    expect(page.locator("#state")).to_have_text("Connected")


def test_token_that_is_not_accepted_is_forgotten_and_a_new_session_begins(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = None
    start(page)
    until(page, lambda: len(gateway.uploads) == 2)
    gateway.refuse_token = True
    gateway.close(1012)
    until(page, lambda: len(gateway.connections) == 3)
    assert "token" in gateway.connections[1] and "token" not in gateway.connections[2]
    until(page, lambda: page.evaluate("sightstream.session") == "session-3")
    assert frame_counts(page)["expired"] >= 2


@pytest.mark.parametrize("code", [1008, 4400, 4403])
def test_refusal_is_explained_and_not_retried(page: Page, gateway: FakeGateway, code: int) -> None:
    gateway.send({"type": "error", "code": "flood", "message": "Frames came without credits."})
    gateway.close(code)
    expect(page.get_by_role("alert")).to_contain_text("Frames came without credits.")
    expect(page.locator("#state")).to_have_text("Not connected")
    page.wait_for_timeout(600)
    assert len(gateway.connections) == 1
    page.get_by_role("button", name="Connect again").click()
    expect(page.locator("#state")).to_have_text("Connected")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_backoff_grows_with_jitter_between_a_quarter_second_and_ten(modules: Page) -> None:
    script = "(socket) => [0, 1, 5, 50].map((n) => [0, 1].map((luck) => socket.backoff(n, luck)))"
    assert run(modules, "stream/socket.js", script) == [[250, 500], [250, 1000], [250, 10_000], [250, 10_000]]


def test_reload_keeps_the_session_and_numbers_on(page: Page, gateway: FakeGateway) -> None:
    start(page)
    until(page, lambda: len(gateway.uploads) >= 3)
    page.reload()
    until(page, lambda: len(gateway.connections) == 2)
    assert gateway.connections[1]["token"] == "token-1"
    before = gateway.uploads[-1].seq
    start(page)
    until(page, lambda: gateway.uploads[-1].seq != before)
    assert gateway.uploads[-1].seq > before
    until(page, lambda: frame_counts(page)["answered"] > 0)


def test_duplicated_tab_gets_a_session_of_its_own(page: Page, gateway: FakeGateway) -> None:
    page.reload()
    until(page, lambda: len(gateway.connections) == 2)
    assert gateway.connections[1] == {"token": "token-1"}
    with page.expect_popup() as opened:  # a tab opened by a page starts with a copy of its sessionStorage
        page.evaluate("void open(location.href)")
    until(opened.value, lambda: len(gateway.connections) == 3)
    assert gateway.connections[2] == {}
    page.reload()
    until(page, lambda: len(gateway.connections) == 4)
    assert gateway.connections[3] == {"token": "token-1"}
