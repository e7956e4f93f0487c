"""The webcam page's modules look every text up: with a table of marked texts, all that the page says is marked."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, FilePayload, Page, expect

from tests.browser.page_driver import CAT
from tests.fakes.browser.gateway import MODEL, FakeGateway, dropped, labels

pytestmark = pytest.mark.browser

# when the page is read, and before its modules run
MARK = """document.addEventListener("readystatechange", () => {
  const table = document.getElementById("texts");
  if (document.readyState !== "interactive") return;
  const texts = Object.keys(JSON.parse(table.textContent)).map((text) => [text, `⟦${text}⟧`]);
  table.textContent = JSON.stringify(Object.fromEntries(texts));
})"""
MARKED = re.compile(r"⟦[^⟦⟧]*⟧")
# names that the network, the person or the system gave, and units
DATA = re.compile(r"\bdata[\w.-]*(?: data[\w.-]*)*|/\S+\.mjpeg|\b(?:Sightstream|JPEG|KB|ms|fps|px|s)\b|\bversion-1\b")
LABELS = ("data_1", "data_2", "data_3")
OTHER = {**MODEL, "name": "data-model", "version": "version-1"}
SAID = """() => {
  const attributes = ["aria-label", "aria-valuetext", "title", "alt", "placeholder", "data-tip"];
  const shown = [...document.querySelectorAll("head > title, body, body *:not(script, noscript)")].filter(
    (each) => each.tagName === "TITLE" || each.tagName === "OPTION" || each.checkVisibility());
  return shown.flatMap((each) => [
    ...[...each.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data.trim()),
    ...attributes.map((name) => each.getAttribute(name) ?? ""),
  ]).filter((text) => text !== "");
}"""


def words_outside(text: str) -> str:
    """What is left of ``text`` without the marked texts, also those with marked texts in them, and without data."""
    while (shorter := MARKED.sub("", text)) != text:
        text = shorter
    return " ".join(re.findall(r"[^\W\d_]{2,}", DATA.sub("", text)))


def answer(gateway: FakeGateway, upload: Any) -> dict[str, Any]:
    message = {**labels(upload, *LABELS), "model": OTHER["name"], "version": OTHER["version"]}
    return {**message, "steady": {"label": LABELS[0], "index": 0, "probability": 0.8, "since": 0}}


@pytest.fixture
def page(context: BrowserContext, gateway: FakeGateway) -> Iterator[Page]:
    """The page with marked texts. What the template says is in German, so that it differs from what modules write."""
    gateway.models = [OTHER, {**OTHER, "name": "data-other"}]
    gateway.model = OTHER
    gateway.answer = answer
    page = context.new_page()
    page.add_init_script(MARK)
    page.goto(f"{gateway.url}?lang=de")
    expect(page.locator("#state")).to_have_text("⟦Connected⟧")
    yield page


@pytest.fixture
def template(context: BrowserContext, gateway: FakeGateway) -> set[str]:
    """What the template itself says."""
    html = context.request.get(f"{gateway.url}?lang=de").text()
    page = context.new_page()
    page.route("**/*", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.route("**/*.js", lambda route: route.abort())
    page.goto(gateway.url)
    page.evaluate("document.querySelectorAll('[hidden]').forEach((each) => (each.hidden = false))")
    said: list[str] = page.evaluate(SAID)
    page.close()
    return set(said)


def test_all_that_the_page_says_is_in_the_table(page: Page, gateway: FakeGateway, template: set[str]) -> None:
    found: dict[str, set[str]] = {}

    def look(state: str) -> None:
        found[state] = {each for each in page.evaluate(SAID) if each not in template and words_outside(each)}

    look("connected")
    page.locator("#start").click()
    expect(page.locator("#chip")).to_have_text("⟦Live⟧")
    expect(page.locator("#headline")).to_have_text("⟦Mostly: data 1⟧")
    look("live")
    for tool in ("network-view", "freeze"):
        page.locator(f"#{tool}").click()
        look(tool)
    page.locator("#freeze").click()
    gateway.answer = lambda gateway, upload: dropped(upload, "unreadable")
    expect(page.locator("#notice")).to_be_visible()
    look("a frame without labels")
    gateway.answer = None
    expect(page.locator("#chip")).not_to_have_text("⟦Live⟧")
    look("no answers")
    gateway.send({"type": "models", "models": [], "model": None})
    expect(page.locator("#model-choice")).to_be_hidden()
    look("no model")
    gateway.send({"type": "error", "message": "data"})
    look("an error")
    gateway.close(1008, "data")
    expect(page.locator("#notice-action")).to_be_visible()
    look("refused")
    gateway.answer = answer
    page.locator("#notice-action").click()
    expect(page.locator("#state")).to_have_text("⟦Connected⟧")
    page.locator("#start").click()
    look("stopped")
    files = {"data.txt": b"a text", "data.jpg": CAT.read_bytes()}
    payloads = {name: FilePayload(name=name, mimeType="", buffer=files[name]) for name in files}
    page.locator("#file").set_input_files(payloads["data.txt"])
    expect(page.locator("#notice-text")).to_contain_text("⟦a text, not a picture⟧")
    look("a bad file")
    page.locator("#file").set_input_files(payloads["data.jpg"])
    expect(page.locator("#chip")).to_have_text("⟦Picture⟧")
    look("a picture")
    page.locator("#file").set_input_files(list(payloads.values()))
    expect(page.locator("#results li")).to_have_count(2)
    look("several files")
    page.locator("#snapshot").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    look("a snapshot")
    assert {state: texts for state, texts in found.items() if texts} == {}


def test_what_is_said_of_cameras_and_files_is_in_the_table(page: Page) -> None:
    script = """async () => {
      const [{ explainCamera }, files, videos] = await Promise.all(
        ["sources/camera", "files/file_kind", "files/video_file"].map((name) => import(`/static/${name}.js`)));
      const names = ["InsecureError", "NotAllowedError", "NotFoundError", "NotReadableError", "OverconstrainedError",
        "NotSupportedError", "another"];
      const failures = names.map((name) => ({ name, message: "data" }));
      const errors = [...failures, { name: "SecurityError", message: "system" }];
      const { PICTURE_KINDS } = await import("/static/files/picture_kinds.js");
      const refusals = PICTURE_KINDS.kinds.filter(({ refused }) => refused).map(({ kind }) => files.refusal(kind));
      const others = [files.damaged("JPEG"), files.uncommon("JPEG", "data"), files.tooLarge(9, 9),
        videos.noVideoStream(), await videos.whyNotOpened(new File(["data"], "data"))];
      return [...errors.map(explainCamera).flatMap(({ title, text }) => [title, text]),
        ...[...refusals, ...others].map(({ message }) => message)];
    }"""
    said = page.evaluate(script)
    assert len(said) > 50
    assert [each for each in said if words_outside(each)] == []


def test_a_text_that_is_not_in_the_table_is_found() -> None:
    assert words_outside("⟦Mostly: ⟦Cat⟧⟧ · data-model, 12 ms") == ""
    assert words_outside("⟦Mostly: ⟧ espresso, 12 frames") == "espresso frames"
