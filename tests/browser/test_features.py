"""The buttons on the picture: what they change of what is shown, and never of what is sent."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.browser.page_driver import CAT, run, start, top_label, until
from tests.fakes.awkward_files import in_orientation
from tests.fakes.browser.camera_file import LEFT, OUTSIDE, colour_card, is_near, jpeg, pixel
from tests.fakes.browser.chromium import launch
from tests.fakes.browser.gateway import MODEL, FakeGateway, labels

pytestmark = pytest.mark.browser

CROP = 0.75


def tool(page: Page, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


def sent(gateway: FakeGateway) -> Image.Image:
    return Image.open(io.BytesIO(gateway.uploads[-1].jpeg))


@pytest.fixture
def cropping(gateway: FakeGateway) -> FakeGateway:
    """A gateway whose model gets three quarters of the short side."""
    gateway.model = {**MODEL, "crop": CROP}
    gateway.models = [gateway.model]
    return gateway


@pytest.fixture(scope="module")
def two_cameras(browser: Browser) -> Iterator[Browser]:
    browser = launch(browser.browser_type)
    yield browser
    browser.close()


def test_the_video_itself_is_shown_with_the_crop_drawn_on_it(cropping: FakeGateway, page: Page) -> None:
    start(page)
    until(page, lambda: cropping.uploads)
    area, video, crop = (page.locator(each).bounding_box() for each in ("#picture", "#video", "#crop"))
    assert area and video and crop
    short = min(area["width"], area["height"])
    assert min(video["width"], video["height"]) == pytest.approx(short, abs=1)
    assert video["width"] / video["height"] == pytest.approx(640 / 480, abs=0.01)
    assert crop["width"] == pytest.approx(short * CROP, abs=1) == crop["height"]
    for box in (video, crop):
        assert box["x"] + box["width"] / 2 == pytest.approx(area["x"] + area["width"] / 2, abs=1)
    expect(page.locator("#caption")).to_contain_text("of which the network gets the bright square: 260 × 260 pixels")


def test_the_networks_own_pixels_are_one_click_away(page: Page, gateway: FakeGateway) -> None:
    start(page)
    until(page, lambda: gateway.uploads)
    expect(page.locator("#preview")).to_be_hidden()
    tool(page, "What the network gets").click()
    expect(page.locator("#preview")).to_be_visible()
    expect(tool(page, "What the network gets")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#caption")).to_contain_text("just as the network gets it: 260 × 260 pixels")


def test_a_picture_file_is_shown_whole_and_sharp(cropping: FakeGateway, page: Page) -> None:
    card = FilePayload(name="card.jpg", mimeType="image/jpeg", buffer=jpeg(colour_card(3000, 2000)))
    page.get_by_label("Picture or video").set_input_files(card)
    until(page, lambda: cropping.uploads)
    script = "(([still]) => [still.width, still.height, ...still.getContext('2d').getImageData(9, 9, 1, 1).data])"
    width, height, *colour = page.evaluate(f"{script}(document.querySelectorAll('#still canvas'))")
    assert (width, height) == (3000, 2000)
    assert is_near(tuple(colour[:3]), OUTSIDE)
    for name in ("Mirror", "Freeze", "Other camera"):
        expect(tool(page, name)).to_be_hidden()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_whole_picture_is_upright(modules: Page, orientation: int) -> None:
    script = """async ({ readWholePicture }, bytes) => {
      const { whole } = await readWholePicture(new Blob([new Uint8Array(bytes)]), "JPEG");
      const at = (x, y) => [...whole.getContext("2d").getImageData(x, y, 1, 1).data].slice(0, 3);
      return [whole.width, whole.height, at(8, 8), at(whole.width - 8, whole.height - 8)];
    }"""
    upright = Image.new("RGB", (320, 200), (30, 30, 200))
    upright.paste((200, 30, 30), (0, 0, 160, 100))
    width, height, first, last = run(
        modules, "files/picture.js", script, [*in_orientation(upright, orientation, "JPEG")]
    )
    assert (width, height) == (320, 200)
    assert is_near(tuple(first), (200, 30, 30)) and is_near(tuple(last), (30, 30, 200))


def test_the_mirror_is_for_the_eyes_only(page: Page, gateway: FakeGateway) -> None:
    start(page)
    until(page, lambda: gateway.uploads)
    scale = "getComputedStyle(video).scale"
    expect(tool(page, "Mirror")).to_have_attribute("aria-pressed", "true")  # the camera faces the person
    assert page.evaluate(scale) == "-1 1"
    assert is_near(pixel(sent(gateway), 9, 130), LEFT)
    tool(page, "Mirror").click()
    assert page.evaluate(scale) in ("none", "1")
    page.reload()
    start(page)
    expect(tool(page, "Mirror")).to_have_attribute("aria-pressed", "false")


def test_a_frozen_picture_and_its_labels_stand_still_and_nothing_is_sent(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = lambda _, upload: labels(upload, f"thing_{upload.seq}")
    start(page)
    until(page, lambda: len(gateway.uploads) >= 5)
    tool(page, "Freeze").click()
    expect(page.locator("#chip")).to_have_text("Frozen")
    expect(page.locator("#still canvas")).to_be_visible()
    page.wait_for_timeout(150)  # what was on its way arrives
    count, label = len(gateway.uploads), top_label(page)
    page.wait_for_timeout(1700)  # longer than labels count as of now
    assert (len(gateway.uploads), top_label(page)) == (count, label)
    expect(page.locator("#chip")).to_have_text("Frozen")
    assert page.locator(".stale").count() == 0
    tool(page, "Freeze").click()
    until(page, lambda: len(gateway.uploads) > count + 2)
    expect(page.locator("#chip")).to_have_text("Live")
    expect(page.locator("#still canvas")).to_have_count(0)


def test_another_source_is_never_frozen(page: Page, gateway: FakeGateway) -> None:
    start(page)
    until(page, lambda: gateway.uploads)
    tool(page, "Freeze").click()
    page.get_by_role("button", name="Stop").click()
    start(page)
    expect(page.locator("#chip")).to_have_text("Live")
    expect(tool(page, "Freeze")).to_have_attribute("aria-pressed", "false")


def test_full_screen_shows_the_picture_and_the_headline(page: Page, gateway: FakeGateway) -> None:
    start(page)
    until(page, lambda: gateway.uploads)
    tool(page, "Full screen").click()
    until(page, lambda: page.evaluate("document.fullscreenElement?.contains(picture)"))
    expect(tool(page, "Full screen")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#headline")).to_be_in_viewport()
    tool(page, "Full screen").click()
    until(page, lambda: page.evaluate("document.fullscreenElement === null"))
    expect(tool(page, "Full screen")).to_have_attribute("aria-pressed", "false")


def test_no_full_screen_button_where_the_browser_has_none(page: Page, gateway: FakeGateway) -> None:
    page.evaluate("Object.defineProperty(document, 'fullscreenEnabled', { value: false })")
    page.get_by_role("button", name="Cat").click()
    expect(tool(page, "Snapshot")).to_be_visible()
    expect(tool(page, "Full screen")).to_be_hidden()


def test_a_snapshot_has_the_full_picture_and_the_labels(page: Page, gateway: FakeGateway, tmp_path: Any) -> None:
    card = FilePayload(name="card.jpg", mimeType="image/jpeg", buffer=jpeg(colour_card(1600, 1200)))
    page.get_by_label("Picture or video").set_input_files(card)
    until(page, lambda: top_label(page) == "tabby")
    tool(page, "Snapshot").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Save").click()
    assert download.value.suggested_filename.endswith(".jpg")
    download.value.save_as(tmp_path / "snapshot.jpg")
    with Image.open(tmp_path / "snapshot.jpg") as picture:
        assert picture.width == 1600 and picture.height > 1200
        assert is_near(pixel(picture, 400, 600), LEFT)
        below = picture.crop((0, 1200, 1600, picture.height)).convert("L")
        assert len(below.getcolors() or []) > 20  # there are texts
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(tool(page, "Snapshot")).to_be_focused()


def test_a_snapshot_can_be_shared_where_the_browser_shares_files(page: Page, gateway: FakeGateway) -> None:
    page.evaluate(
        """() => {
          navigator.canShare = ({ files }) => files.length === 1;
          navigator.share = async ({ files }) => { window.shared = files.map(({ name, type }) => ({ name, type })); };
        }"""
    )
    start(page)
    until(page, lambda: gateway.uploads)
    tool(page, "Snapshot").click()
    page.get_by_role("button", name="Share").click()
    assert [each["type"] for each in page.evaluate("shared")] == ["image/jpeg"]


def test_other_camera_is_there_only_where_there_is_one(
    page: Page, gateway: FakeGateway, two_cameras: Browser
) -> None:
    start(page)
    expect(tool(page, "Freeze")).to_be_visible()
    expect(tool(page, "Other camera")).to_be_hidden()
    other = two_cameras.new_context(permissions=["camera"]).new_page()
    other.goto(gateway.url)
    start(other)
    used = "video.srcObject?.getVideoTracks()[0].getSettings().deviceId ?? ''"
    expect(tool(other, "Other camera")).to_be_visible()
    before = other.evaluate(used)
    tool(other, "Other camera").click()
    until(other, lambda: other.evaluate(used) not in ("", before))
    expect(tool(other, "Other camera")).to_be_focused()
    after = other.evaluate(used)
    until(other, lambda: other.evaluate("localStorage.getItem('sightstream-camera')") == after)
    other.reload()
    start(other)
    until(other, lambda: other.evaluate(used))
    assert other.evaluate(used) == after
    other.context.close()


def test_on_a_phone_the_camera_that_faces_the_other_way_is_asked_for(page: Page) -> None:
    page.evaluate(
        """() => {
          const { mediaDevices } = navigator;
          const open = mediaDevices.getUserMedia.bind(mediaDevices);
          window.asked = [];
          mediaDevices.getUserMedia = async ({ video }) => {
            asked.push(video.facingMode ?? video.deviceId);
            const stream = await open({ video: true });
            const [track] = stream.getVideoTracks();
            const settings = track.getSettings();
            const facingMode = video.facingMode?.exact ?? video.facingMode?.ideal;
            track.getSettings = () => ({ ...settings, facingMode, deviceId: facingMode });
            return stream;
          };
          mediaDevices.enumerateDevices = async () =>
            ["user", "environment"].map((id) => ({ kind: "videoinput", deviceId: id, label: id }));
        }"""
    )
    start(page)
    for facing, mirrored in (("user", "true"), ("environment", "false")):
        tool(page, "Other camera").click()
        page.wait_for_function("(facing) => asked.at(-1).exact === facing", arg=facing)
        expect(tool(page, "Mirror")).to_have_attribute("aria-pressed", mirrored)


def test_choices_are_remembered(page: Page, gateway: FakeGateway) -> None:
    other = {"name": "inception_v3", "version": "2", "input_size": 299}
    gateway.models = [dict(MODEL), other]
    gateway.send({"type": "models", "models": gateway.models, "model": dict(MODEL)})
    page.get_by_role("combobox", name="Model").select_option("inception_v3")
    page.get_by_role("combobox", name="Frames a second").select_option("5")
    until(page, lambda: len(gateway.connections) == 2)
    page.reload()
    until(page, lambda: len(gateway.connections) == 3)
    assert gateway.connections[2]["model"] == "inception_v3"
    expect(page.get_by_role("combobox", name="Frames a second")).to_have_value("5")
    assert page.evaluate("sightstream.limits.fps") == 5


def test_what_was_remembered_may_be_gone(page: Page, gateway: FakeGateway) -> None:
    page.evaluate("localStorage.setItem('sightstream-model', 'gone'); localStorage.setItem('sightstream-rate', 'x')")
    page.evaluate("localStorage.setItem('sightstream-camera', 'gone')")
    page.reload()
    start(page)
    until(page, lambda: page.evaluate("sightstream.counts.answered") > 0)
    assert gateway.connections[-1].get("model") is None
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize(
    "storage", ["{ get() { throw new DOMException('no', 'SecurityError'); } }", "{ value: null }"]
)
def test_a_browser_may_forbid_storage(page: Page, gateway: FakeGateway, storage: str) -> None:
    page.add_init_script(
        f"for (const n of ['localStorage', 'sessionStorage']) Object.defineProperty(window, n, {storage})"
    )
    page.reload()
    page.get_by_role("combobox", name="Frames a second").select_option("5")
    start(page)
    until(page, lambda: page.evaluate("sightstream.counts.answered") > 0)
    tool(page, "Mirror").click()
    expect(tool(page, "Mirror")).to_have_attribute("aria-pressed", "false")


def test_the_address_of_the_statistics_is_copied(page: Page, gateway: FakeGateway) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy its address").click()
    assert page.evaluate("navigator.clipboard.readText()") == f"{gateway.url}stats/session-1"
    expect(page.get_by_role("status").filter(has_text="Copied")).to_have_count(1)


def test_every_button_is_large_enough_and_has_a_name(page: Page, gateway: FakeGateway) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    start(page)
    until(page, lambda: gateway.uploads)
    for button in page.locator("#toolbar button:visible").all():
        box = button.bounding_box()
        assert box and min(box["width"], box["height"]) >= 44
        assert button.get_attribute("aria-label")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_the_focus_is_not_lost_when_the_buttons_go(page: Page, gateway: FakeGateway) -> None:
    start(page)
    until(page, lambda: gateway.uploads)
    tool(page, "Freeze").focus()
    page.evaluate("video.srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended'))")
    expect(page.get_by_role("button", name="Start camera")).to_be_focused()


def test_sample_picture_file_can_be_opened_while_a_camera_is_frozen(page: Page, gateway: FakeGateway) -> None:
    start(page)
    until(page, lambda: gateway.uploads)
    tool(page, "Freeze").click()
    before = len(gateway.uploads)
    page.get_by_label("Picture or video").set_input_files(CAT)
    until(page, lambda: len(gateway.uploads) > before)
    expect(page.locator("#caption")).to_contain_text("cat.jpg")
