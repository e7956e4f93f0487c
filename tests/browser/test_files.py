"""Pictures and videos from files."""

import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.page_driver import CAT, frame_counts, until
from tests.fakes.browser.camera_file import LEFT, RIGHT, colour_card, is_near, jpeg, pixel
from tests.fakes.browser.gateway import MODEL, FakeGateway, dropped, labels
from tests.fakes.pictures import encoded

pytestmark = pytest.mark.browser


def test_picture_from_the_file_picker_is_sent_again_only_when_something_changed(
    page: Page, gateway: FakeGateway
) -> None:
    unanswered = 2
    gateway.answer = lambda _, upload: labels(upload) if upload.seq > unanswered else dropped(upload, "stale")
    page.get_by_label("Picture or video").set_input_files(CAT)
    until(page, lambda: len(gateway.uploads) == 3)
    assert 800 < gateway.uploads[1].captured - gateway.uploads[0].captured < 3000
    assert Image.open(io.BytesIO(gateway.uploads[0].jpeg)).size == (260, 260)
    expect(page.locator("#caption")).to_contain_text("cat.jpg")
    page.wait_for_timeout(1500)
    assert len(gateway.uploads) == 3
    other = {**MODEL, "version": "2026.2"}
    gateway.send({"type": "models", "models": [other], "model": other})
    until(page, lambda: len(gateway.uploads) == 4)


def test_large_picture_is_cut_and_shrunk_without_its_outside(page: Page, gateway: FakeGateway) -> None:
    card = FilePayload(name="card.jpg", mimeType="image/jpeg", buffer=jpeg(colour_card(3000, 2100)))
    page.get_by_label("Picture or video").set_input_files(card)
    until(page, lambda: gateway.uploads)
    with Image.open(io.BytesIO(gateway.uploads[0].jpeg)) as sent:
        assert is_near(pixel(sent, 4, 4), LEFT) and is_near(pixel(sent, 255, 255), RIGHT)


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_picture_may_be_dropped_or_pasted(page: Page, gateway: FakeGateway, way: str) -> None:
    script = """async (way) => {
      const blob = await (await fetch("/static/samples/coffee.jpg")).blob();
      const data = new DataTransfer();
      data.items.add(new File([blob], "coffee.jpg", { type: "image/jpeg" }));
      const event = way === "drop" ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
        : new ClipboardEvent("paste", { clipboardData: data, bubbles: true });
      document.body.dispatchEvent(event);
    }"""
    page.evaluate(script, way)
    until(page, lambda: gateway.uploads)
    expect(page.locator("#caption")).to_contain_text("coffee.jpg")


def test_sample_picture_is_one_click_away(page: Page, gateway: FakeGateway) -> None:
    page.get_by_role("button", name="Coffee").click()
    until(page, lambda: frame_counts(page)["answered"] > 0)
    expect(page.locator("#caption")).to_contain_text("Coffee")


def test_video_file_is_repeated(page: Page, gateway: FakeGateway) -> None:
    recorded = page.evaluate(
        """async () => {
          const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
          const pen = canvas.getContext("2d");
          const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm" });
          const parts = [];
          recorder.ondataavailable = (event) => parts.push(event.data);
          recorder.start();
          for (let i = 0; i < 10; i++) {
            pen.fillStyle = `rgb(${i * 25}, 100, 100)`;
            pen.fillRect(0, 0, 320, 240);
            await new Promise((next) => setTimeout(next, 50));
          }
          recorder.stop();
          await new Promise((next) => (recorder.onstop = next));
          return [...new Uint8Array(await new Blob(parts).arrayBuffer())];
        }"""
    )
    video = FilePayload(name="film.webm", mimeType="video/webm", buffer=bytes(recorded))
    page.get_by_label("Picture or video").set_input_files(video)
    until(page, lambda: len(gateway.uploads) >= 15)
    assert page.evaluate("video.loop && !video.paused && video.muted")
    expect(page.locator("#caption")).to_contain_text("film.webm")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("notes.txt", b"words", "notes.txt: a text, not a picture"),
        ("notes.mp4", b"words", "notes.mp4: a text, not a video"),
        ("page.jpg", b"<!DOCTYPE html><title>404</title>", "a web page (HTML), not a picture"),
        ("photo.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "photo.jpg: HEIC: save it as JPEG first"),
        ("zeros.png", bytes(100), "nothing but zero bytes: copy it again"),
        ("empty.gif", b"", "empty.gif: an empty file: copy it again"),
        ("noise", bytes(range(256)), "noise: not a picture of a known kind"),
        ("torn.jpg", b"\xff\xd8\xff\xe0 no picture", "the JPEG is cut off or damaged: copy it again"),
        ("torn.mp4", b"\0\0\0\x18ftypisom" + bytes(500), "the video is cut off or damaged: copy it again"),
        ("film.avi", b"RIFF\xff\0\0\0AVI LIST", "this browser cannot play it: save it as MP4 (H.264)"),
    ],
)
def test_file_that_cannot_be_shown_is_named(page: Page, name: str, content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    page.get_by_label("Picture or video").set_input_files(tmp_path / name)
    expect(page.get_by_role("alert")).to_contain_text(says)
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "AVIF", "BMP", "ICO", "TIFF"])
def test_picture_is_known_by_its_first_bytes(page: Page, gateway: FakeGateway, kind: str) -> None:
    file = FilePayload(name="a text.txt", mimeType="text/plain", buffer=encoded(colour_card(200, 200), kind))
    page.get_by_label("Picture or video").set_input_files(file)
    until(page, lambda: gateway.uploads)
    with Image.open(io.BytesIO(gateway.uploads[0].jpeg)) as sent:
        assert is_near(pixel(sent, 4, 4), LEFT) and is_near(pixel(sent, 255, 255), RIGHT)
