"""What the page says of itself: "Live" only while labels come, else why not, and soon enough."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, FilePayload, Page, expect

from tests.browser.page_diary import LIVE_MS, SAID_MS, diary, keep_diary, until_said
from tests.browser.page_driver import CAT, frame_counts, start, top_label, until
from tests.fakes.awkward_files import videos
from tests.fakes.browser.gateway import MODEL, FakeGateway, dropped, labels
from web.protocol import Upload

pytestmark = pytest.mark.browser

Act = Callable[[Page, FakeGateway], Any]

HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
STOP_FRAMES = """(stopped) => {
  window.request ??= video.requestVideoFrameCallback;
  video.requestVideoFrameCallback = (next) => {
    if (!stopped) request.call(video, next);
    else window.next = next;
  };
  if (!stopped) request.call(video, window.next);
}"""


@pytest.fixture
def live(page: Page, gateway: FakeGateway) -> Page:
    """The page with a running camera, live, and a diary of what it says."""
    start(page)
    expect(page.locator("#chip")).to_have_text("Live")
    keep_diary(page)
    return page


def nothing(page: Page, gateway: FakeGateway) -> None:
    pass


def silence(page: Page, gateway: FakeGateway) -> None:
    gateway.silent = True


def speak(page: Page, gateway: FakeGateway) -> None:
    gateway.silent = False


def leave(page: Page, gateway: FakeGateway) -> None:
    gateway.away = True
    gateway.close(1012)


def come_back(page: Page, gateway: FakeGateway) -> None:
    gateway.away = False


def withhold(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = None


def give_up(page: Page, gateway: FakeGateway) -> None:
    """The frames in flight get no answer, as when a worker has died."""
    for upload in gateway.uploads[-page.evaluate("sightstream.counts.pending") :]:
        gateway.send(dropped(upload, "expired"))


def drop(reason: str) -> Act:
    def act(page: Page, gateway: FakeGateway) -> None:
        gateway.answer = lambda _, upload: dropped(upload, reason)

    return act


def serve(*models: dict[str, Any]) -> Act:
    message = {"type": "models", "models": list(models), "model": models[0] if models else None}
    return lambda page, gateway: gateway.send(message)


def set_offline(offline: bool) -> Act:
    return lambda page, gateway: page.context.set_offline(offline)


def evaluate(script: str, *arguments: Any) -> Act:
    return lambda page, gateway: page.evaluate(script, *arguments)


def happen(event: str) -> Act:
    """An event of the camera."""
    return evaluate(f"video.srcObject.getVideoTracks()[0].dispatchEvent(new Event('{event}'))")


BUSY = "Most frames are too old: the model is busy"
SLOW = "no labels come: the model has stopped, or is too busy"

CASES: dict[str, tuple[Act, Act, str, str]] = {  # what happens, how it ends, what the chip and the line below say
    "browser offline": (set_offline(True), set_offline(False), "Offline", "This device is offline"),
    "gateway silent": (silence, speak, "Server not reached", "The server does not answer"),
    "gateway gone": (
        leave,
        come_back,
        "Server not reached",
        r"The server cannot be reached. Trying again (in \d+ s|now)",
    ),
    "worker gone": (withhold, give_up, "No answers", SLOW),
    "no model": (serve(), serve(dict(MODEL)), "Waiting for a worker", "The server has no model at work"),
    "all too old": (drop("stale"), nothing, "Model busy", BUSY),
    "all replaced": (drop("superseded"), nothing, "Model busy", BUSY),
    "no answers in time": (drop("expired"), nothing, "No answers", SLOW),
    "all failed": (drop("failed"), nothing, "No labels", "Frames get no labels: error in the worker"),
    "tab hidden": (evaluate(HIDE, True), evaluate(HIDE, False), "Paused", "Paused while this tab is hidden"),
    "camera muted": (happen("mute"), happen("unmute"), "Camera paused", "perhaps for a call"),
    "camera paused": (evaluate("video.pause()"), nothing, "Camera paused", "The page tries to play it again"),
    "camera gives no frames": (
        evaluate(STOP_FRAMES, True),
        evaluate(STOP_FRAMES, False),
        "No pictures",
        "gives no pictures",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_page_says_within_two_seconds_why_labels_stopped_and_soon_that_they_are_back(
    live: Page, gateway: FakeGateway, case: str
) -> None:
    cause, cure, chip, why = CASES[case]
    answered: list[float] = []  # milliseconds since 1970

    def answer(_: FakeGateway, upload: Upload) -> dict[str, Any]:
        answered.append(time.time() * 1000)
        return labels(upload, "goldfish")

    began = live.evaluate("performance.now()")
    cause(live, gateway)
    said = until_said(live, began, SAID_MS, chip=f"^{chip}$", why=why, stale=True)
    gateway.answer = answer
    cure(live, gateway)
    until(live, lambda: answered)
    first = answered[0] - live.evaluate("performance.timeOrigin")
    assert first > said
    until_said(live, first, LIVE_MS, chip="^Live$", state="^Connected$", top="goldfish", stale=False)
    frame_counts(live)


def test_refusal_is_said_at_once_with_its_reason(live: Page, gateway: FakeGateway) -> None:
    began = live.evaluate("performance.now()")
    gateway.close(4403, "pages of http://example.org may not connect")
    why = "The server ended this connection: pages of http://example.org may not connect"
    until_said(live, began, SAID_MS, state="^Not connected$", chip="^Not connected$", why=why, stale=True)
    live.get_by_role("button", name="Connect again").click()
    until_said(live, began, 10_000, chip="^Live$", why="^$", stale=False)


def test_full_server_is_named_and_tried_again(live: Page, gateway: FakeGateway) -> None:
    gateway.away = True
    began = live.evaluate("performance.now()")
    gateway.send({"type": "error", "code": "too_many", "message": "Too many connections are open."})
    gateway.close(1013, "Too many connections are open.")
    why = r"Too many connections are open, .*: try again later\. Trying again in \d+ s\."
    until_said(live, began, SAID_MS, chip="^Server not reached$", why=why, stale=True)


def test_page_that_cannot_connect_at_all_says_so(context: BrowserContext, gateway: FakeGateway) -> None:
    gateway.silent = True
    page = context.new_page()
    page.goto(gateway.url)
    expect(page.locator("#state")).to_have_text("Server not reached", timeout=SAID_MS + 500)
    expect(page.locator("#why")).to_contain_text("The server does not answer")
    gateway.silent = False
    expect(page.locator("#state")).to_have_text("Connected")


def test_overload_is_said_even_while_some_labels_come(live: Page, gateway: FakeGateway) -> None:
    gateway.answer = lambda _, upload: labels(upload) if upload.seq % 4 == 0 else dropped(upload, "stale")
    until_said(live, live.evaluate("performance.now()"), 6000, chip="^Live$", why=BUSY, stale=False)


def test_server_that_stays_silent_is_left_after_some_seconds(context: BrowserContext, gateway: FakeGateway) -> None:
    page = context.new_page()
    page.clock.install()
    page.goto(gateway.url)
    start(page)
    expect(page.locator("#chip")).to_have_text("Live")
    gateway.silent = True
    expect(page.locator("#why")).to_contain_text("The server does not answer")
    page.clock.fast_forward(4000)
    expect(page.locator("#why")).to_contain_text("The server does not answer")
    page.clock.fast_forward(5000)
    expect(page.locator("#why")).to_contain_text("Trying again")
    gateway.silent = False
    expect(page.locator("#chip")).to_have_text("Live")
    assert len(gateway.connections) > 1


def test_answering_server_is_seldom_asked(live: Page, gateway: FakeGateway) -> None:
    before = gateway.pings
    live.wait_for_timeout(1500)
    assert gateway.pings - before <= 1


def test_labels_of_the_source_before_are_gone(live: Page, gateway: FakeGateway) -> None:
    gateway.answer = None
    until(live, lambda: frame_counts(live)["pending"] == 2)
    late = gateway.uploads[-1]
    live.evaluate("window.track = video.srcObject.getVideoTracks()[0]")
    live.get_by_label("Picture or video").set_input_files(CAT)
    expect(live.locator("#chip")).to_have_text("Starting…")
    assert top_label(live) == "–"
    assert live.evaluate("track.readyState") == "ended"
    expect(live.locator("#headline")).to_have_text("Nothing seen yet")
    gateway.answer = lambda _, upload: labels(upload, "goldfish")
    gateway.send(labels(late, "tabby"))
    until(live, lambda: top_label(live) == "goldfish")
    assert not [
        each
        for each in diary(live, live.evaluate("diary.at(-1).at") - 5000)
        if each["chip"] == "Picture" and each["top"] == "tabby"
    ]
    assert frame_counts(live)["answered"] > 0


def test_settled_label_of_the_source_before_is_no_headline(live: Page, gateway: FakeGateway) -> None:
    steady = {"label": "tabby", "probability": 0.7}
    gateway.answer = lambda _, upload: {**labels(upload, "goldfish", "lynx"), "steady": steady}
    live.get_by_label("Picture or video").set_input_files(CAT)
    expect(live.locator("#headline")).to_have_text("Mostly: goldfish")


def test_picture_is_no_live_picture_and_its_labels_stay(page: Page, gateway: FakeGateway) -> None:
    page.get_by_label("Picture or video").set_input_files(CAT)
    expect(page.locator("#chip")).to_have_text("Picture")
    page.wait_for_timeout(LIVE_MS + 500)
    expect(page.locator("#labels")).not_to_have_class(re.compile("stale"))
    gateway.away = True
    gateway.close(1012)
    expect(page.locator("#state")).to_have_text("Server not reached")
    expect(page.locator("#chip")).to_have_text("Picture")
    expect(page.locator("#labels")).not_to_have_class(re.compile("stale"))
    gateway.away = False


def test_paused_video_is_paused_and_its_last_frame_gets_labels(page: Page, gateway: FakeGateway) -> None:
    film = FilePayload(name="film.mp4", mimeType="", buffer=VIDEOS["film.mp4"])
    page.get_by_label("Picture or video").set_input_files(film)
    expect(page.locator("#chip")).to_have_text("Live")
    page.evaluate("video.pause()")
    expect(page.locator("#chip")).to_have_text("Paused")
    page.wait_for_timeout(500)
    before = len(gateway.uploads)
    page.wait_for_timeout(LIVE_MS)
    assert len(gateway.uploads) == before
    expect(page.locator("#labels")).not_to_have_class(re.compile("stale"))
    page.evaluate("video.currentTime = 0.1")
    until(page, lambda: len(gateway.uploads) == before + 1)
    page.evaluate("video.play()")
    expect(page.locator("#chip")).to_have_text("Live")


VIDEOS = videos()
BAD_FILES = {
    "notes.txt": b"words",
    "torn.jpg": b"\xff\xd8\xff\xe0 no picture",
    "torn.mp4": b"\0\0\0\x18ftypisom" + bytes(500),
    "sound_only.mp4": VIDEOS["sound_only.mp4"],
}


def test_bad_file_never_stops_a_running_camera(live: Page, gateway: FakeGateway) -> None:
    for name, content in BAD_FILES.items():
        file = FilePayload(name=name, mimeType="", buffer=content)
        live.get_by_label("Picture or video").set_input_files(file)
        expect(live.get_by_role("alert")).to_contain_text(f"{name}: ")
        before = len(gateway.uploads)
        until(live, lambda before=before: len(gateway.uploads) > before + 3)  # type: ignore[misc]
        expect(live.get_by_role("alert")).to_be_visible()
    assert {each["chip"] for each in diary(live, 0)} == {"Live"}
    expect(live.get_by_role("button", name="Stop")).to_be_visible()


@pytest.mark.parametrize("offline", [True, False])
def test_sample_that_cannot_be_loaded_says_so_and_the_camera_goes_on(
    live: Page, gateway: FakeGateway, offline: bool
) -> None:
    live.route("**/coffee.jpg", lambda route: route.abort() if offline else route.fulfill(status=502))
    live.context.set_offline(offline)
    live.get_by_role("button", name="Coffee").click()
    expect(live.get_by_role("alert")).to_contain_text("The sample could not be loaded")
    why = "This device is offline" if offline else "The server cannot be reached"
    expect(live.get_by_role("alert")).to_contain_text(why)
    live.context.set_offline(False)
    before = len(gateway.uploads)
    until(live, lambda: len(gateway.uploads) > before + 3)
    expect(live.locator("#caption")).to_contain_text("Camera")


def test_refused_second_camera_leaves_the_first_one_running(live: Page, gateway: FakeGateway) -> None:
    live.evaluate(
        """() => {
          navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotFoundError"); };
          cameras.dispatchEvent(new Event("change"));
        }"""
    )
    expect(live.get_by_role("alert")).to_contain_text("No camera found")
    before = len(gateway.uploads)
    until(live, lambda: len(gateway.uploads) > before + 3)
    expect(live.locator("#chip")).to_have_text("Live")


def test_camera_is_changed_on_a_phone_that_opens_only_one_at_a_time(live: Page, gateway: FakeGateway) -> None:
    live.evaluate(
        """() => {
          const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          window.first = video.srcObject.getVideoTracks()[0];
          navigator.mediaDevices.getUserMedia = async (wanted) => {
            if (first.readyState === "live") throw new DOMException("", "NotReadableError");
            return open(wanted);
          };
          cameras.dispatchEvent(new Event("change"));
        }"""
    )
    until(live, lambda: live.evaluate("video.srcObject && video.srcObject.getVideoTracks()[0] !== first"))
    expect(live.locator("#chip")).to_have_text("Live")
    expect(live.get_by_role("alert")).to_be_hidden()


def test_states_are_said_in_german(context: BrowserContext, gateway: FakeGateway) -> None:
    page = context.new_page()
    page.goto(gateway.url + "?lang=de")
    page.get_by_role("button", name="Kamera starten").click()
    expect(page.locator("#headline")).to_have_text("Meist: tabby")
    gateway.away = True
    gateway.close(1012)
    expect(page.locator("#state")).to_have_text("Server nicht erreichbar")
    expect(page.locator("#why")).to_contain_text("Der Server ist nicht erreichbar. Neuer Versuch")
