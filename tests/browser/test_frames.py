"""What the page sends, and how it counts the answers."""

import io
import re
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.page_driver import frame_counts, run, start, until
from tests.fakes.browser.camera_file import LEFT, RIGHT, is_near, pixel
from tests.fakes.browser.gateway import MODEL, FakeGateway, dropped, labels
from web.protocol import Upload, pack

pytestmark = pytest.mark.browser


def test_camera_is_labelled_and_counts_agree(page: Page, gateway: FakeGateway) -> None:
    start(page)
    first = page.locator("#labels li").first
    expect(first).to_contain_text("tabby")
    expect(first).to_contain_text("80")
    expect(page.locator("#labels li")).to_have_count(5)
    expect(page.locator("#model-name")).to_have_text("efficientnet_lite2")
    expect(page.locator("#model-version")).to_contain_text("2026.1")
    expect(page.locator("#chip")).to_have_text("Live")
    expect(page.locator("#latency")).to_have_text(re.compile(r"\d+"))
    expect(page.locator("#fps")).to_have_text(re.compile(r"\d+"))
    expect(page.locator("#kilobytes")).to_have_text(re.compile(r"\d+"))
    assert page.evaluate("sightstream.last.labels[0].label") == "tabby"
    assert frame_counts(page)["answered"] > 0


def test_centred_square_at_the_models_size_is_sent_and_shown(page: Page, gateway: FakeGateway) -> None:
    start(page)
    until(page, lambda: gateway.uploads)
    with Image.open(io.BytesIO(gateway.uploads[-1].jpeg)) as sent:
        assert (sent.format, sent.mode, sent.size) == ("JPEG", "RGB", (260, 260))
        assert all(is_near(pixel(sent, x, 130), LEFT) for x in (3, 120))
        assert all(is_near(pixel(sent, x, 130), RIGHT) for x in (140, 256))
    shown = page.evaluate("[...preview.getContext('2d').getImageData(3, 130, 1, 1).data].slice(0, 3)")
    assert is_near(tuple(shown), LEFT)


def test_frames_are_numbered_upward_and_echo_each_round_trip_once(page: Page, gateway: FakeGateway) -> None:
    start(page)
    until(page, lambda: len(gateway.uploads) >= 12)
    uploads = list(gateway.uploads)
    seqs = [upload.seq for upload in uploads]
    assert seqs == list(range(1, len(seqs) + 1))
    echoed = [seq for upload in uploads for seq, _ in upload.echoes]
    assert echoed == list(range(1, len(echoed) + 1)) and len(echoed) >= len(seqs) - 3
    assert all(0 < ms < 10_000 for upload in uploads for _, ms in upload.echoes)
    captured = [upload.captured for upload in uploads]
    assert captured == sorted(captured)


@pytest.mark.parametrize("echoes", [(), ((3, 41.5),), tuple((i, i * 1.25) for i in range(1, 21))])
def test_header_in_the_browser_equals_header_in_python(modules: Page, echoes: tuple[tuple[int, float], ...]) -> None:
    upload = Upload(4_000_000_007, 1_767_225_600_123.456, b"", echoes)
    pairs = [list(pair) for pair in echoes]
    script = "(frame, ...given) => [...frame.packHeader(...given)]"
    assert bytes(run(modules, "stream/frame.js", script, upload.seq, upload.captured, pairs)) == pack(upload)


def test_no_more_frames_than_credits_ever_await_an_answer(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = None
    start(page)
    until(page, lambda: len(gateway.uploads) >= 2)
    page.wait_for_timeout(400)
    assert len(gateway.uploads) == 2
    assert frame_counts(page)["pending"] == 2
    gateway.send(labels(gateway.uploads[0]))
    until(page, lambda: len(gateway.uploads) == 3)
    page.wait_for_timeout(200)
    assert len(gateway.uploads) == 3


def test_every_kind_of_answer_is_counted_and_returns_its_credit(page: Page, gateway: FakeGateway) -> None:
    reasons = ["superseded", "stale", "expired", "unreadable", None]

    def answer(_: FakeGateway, upload: Upload) -> dict[str, Any]:
        reason = reasons[upload.seq % len(reasons)]
        return dropped(upload, reason) if reason else labels(upload)

    gateway.answer = answer
    start(page)
    until(page, lambda: frame_counts(page)["sent"] >= 10)
    counts = frame_counts(page)
    assert counts["expired"] >= 2
    assert counts["answered"] >= 1
    assert {"superseded", "stale", "unreadable"} == set(counts["dropped"])
    expect(page.locator("#reasons")).to_contain_text("too old")


def test_frames_dropped_in_one_message_are_each_counted_and_return_their_credits(
    page: Page, gateway: FakeGateway
) -> None:
    gateway.answer = None
    start(page)
    until(page, lambda: len(gateway.uploads) == 2)
    first, second = gateway.uploads
    gateway.answer = lambda _, upload: labels(upload)
    gateway.send({**dropped(first, "superseded"), "also": [second.seq]})
    until(page, lambda: frame_counts(page)["answered"] >= 2)
    assert frame_counts(page)["dropped"] == {"superseded": 2}


def test_page_waits_while_no_worker_is_ready(page: Page, gateway: FakeGateway) -> None:
    gateway.send({"type": "models", "models": [], "model": None})
    expect(page.locator("#state")).to_have_text("Waiting for a worker")
    start(page)
    expect(page.locator("#chip")).to_have_text("Waiting for a worker")
    page.wait_for_timeout(300)
    assert gateway.uploads == []
    gateway.send({"type": "models", "models": [dict(MODEL)], "model": dict(MODEL)})
    until(page, lambda: frame_counts(page)["answered"] > 0)
    expect(page.locator("#chip")).to_have_text("Live")


def test_hidden_tab_pauses_and_says_so(page: Page, gateway: FakeGateway) -> None:
    hide = """(hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    start(page)
    until(page, lambda: len(gateway.uploads) >= 3)
    page.evaluate(hide, True)
    expect(page).to_have_title("Paused · Sightstream")
    expect(page.locator("#chip")).to_have_text("Paused")
    expect(page.locator("#why")).to_have_text("Paused while this tab is hidden.")
    page.wait_for_timeout(100)
    before = len(gateway.uploads)
    page.wait_for_timeout(400)
    assert len(gateway.uploads) == before
    page.evaluate(hide, False)
    until(page, lambda: len(gateway.uploads) > before)
    expect(page).to_have_title("Sightstream")


def test_picture_being_encoded_when_the_camera_is_stopped_stays_here(page: Page, gateway: FakeGateway) -> None:
    page.evaluate(
        """() => {
          const encode = HTMLCanvasElement.prototype.toBlob;
          HTMLCanvasElement.prototype.toBlob = function (done, ...how) {
            window.encoding = true;
            encode.call(this, (jpeg) => setTimeout(() => { window.encoding = false; done(jpeg); }, 300), ...how);
          };
        }"""
    )
    start(page)
    until(page, lambda: gateway.uploads)
    until(page, lambda: page.evaluate("window.encoding"))
    page.evaluate("document.querySelector('#start').click()")
    sent = frame_counts(page)["sent"]
    until(page, lambda: not page.evaluate("window.encoding"))
    page.wait_for_timeout(200)
    assert frame_counts(page)["sent"] == sent
