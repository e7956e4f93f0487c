"""The page before a fake gateway: what it sends, shows, says and survives, with neither broker nor model."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, expect

from tests.fakes.browser.chromium import chromium, launch
from tests.fakes.browser.film import LEFT, RIGHT, colour_card, is_near, jpeg, pixel, write_film
from tests.fakes.browser.gateway import MODEL, FakeGateway, FakeServer, dropped, labels, serving
from web import STATIC
from web.protocol import Upload, pack

pytestmark = pytest.mark.browser

INSECURE = "insecure.test"
CAT = STATIC / "samples" / "cat.jpg"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    film = write_film(tmp_path_factory.mktemp("film") / "card.mjpeg", colour_card())
    with chromium(f"--host-resolver-rules=MAP {INSECURE} 127.0.0.1", camera=film) as browser:
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
    page.goto(f"{server.gateway.url}static/flow.js")
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
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if "Security Policy" in line.text else None)
    page.goto(gateway.url)
    expect(page.get_by_role("status").first).to_have_text("Connected")
    yield page
    assert complaints == []


def start(page: Page) -> None:
    page.get_by_role("button", name="Start camera").click()


def until(page: Page, condition: Callable[[], Any]) -> None:
    """Lets the page run until ``condition`` holds."""
    for _ in range(500):
        if condition():
            return
        page.wait_for_timeout(20)
    raise AssertionError("it did not come to be within 10 s")


def books(page: Page) -> dict[str, Any]:
    """The page's own counts, which must always add up."""
    counts: dict[str, Any] = page.evaluate("sightstream.counts")
    settled = counts["answered"] + sum(counts["dropped"].values()) + counts["expired"]
    assert counts["sent"] == settled + counts["pending"]
    return counts


def run(modules: Page, name: str, script: str, *arguments: Any) -> Any:
    """What ``script`` makes of the module ``name`` and ``arguments``."""
    return modules.evaluate(f"async (given) => ({script})(await import('/static/{name}'), ...given)", list(arguments))


def top(page: Page) -> str:
    return page.locator("#labels .name").first.text_content() or ""


# What it sends


def test_camera_is_labelled_and_books_balance(page: Page, gateway: FakeGateway) -> None:
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
    assert books(page)["answered"] > 0


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
    assert bytes(run(modules, "frame.js", script, upload.seq, upload.captured, pairs)) == pack(upload)


def test_no_more_frames_than_credits_are_ever_on_their_way(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = None
    start(page)
    until(page, lambda: len(gateway.uploads) >= 2)
    page.wait_for_timeout(400)
    assert len(gateway.uploads) == 2
    assert books(page)["pending"] == 2
    gateway.say(labels(gateway.uploads[0]))
    until(page, lambda: len(gateway.uploads) == 3)
    page.wait_for_timeout(200)
    assert len(gateway.uploads) == 3


def test_every_kind_of_answer_is_booked_and_returns_its_credit(page: Page, gateway: FakeGateway) -> None:
    reasons = ["superseded", "stale", "expired", "unreadable", None]

    def answer(_: FakeGateway, upload: Upload) -> dict[str, Any]:
        reason = reasons[upload.seq % len(reasons)]
        return dropped(upload, reason) if reason else labels(upload)

    gateway.answer = answer
    start(page)
    until(page, lambda: books(page)["sent"] >= 10)
    counts = books(page)
    assert counts["expired"] >= 2
    assert counts["answered"] >= 1
    assert {"superseded", "stale", "unreadable"} == set(counts["dropped"])
    expect(page.locator("#reasons")).to_contain_text("stale")


def test_frames_dropped_in_one_message_are_each_booked_and_return_their_credits(
    page: Page, gateway: FakeGateway
) -> None:
    gateway.answer = None
    start(page)
    until(page, lambda: len(gateway.uploads) == 2)
    first, second = gateway.uploads
    gateway.answer = lambda _, upload: labels(upload)
    gateway.say({**dropped(first, "superseded"), "also": [second.seq]})
    until(page, lambda: books(page)["answered"] >= 2)
    assert books(page)["dropped"] == {"superseded": 2}


def test_person_may_cap_the_frames_per_second(page: Page, gateway: FakeGateway) -> None:
    page.get_by_label("Frames a second").select_option("1")
    start(page)
    until(page, lambda: gateway.uploads)
    page.wait_for_timeout(500)
    assert len(gateway.uploads) == 1
    assert page.evaluate("sightstream.flow.fps") == 1


# How it adapts


def test_superseded_answer_narrows_the_window_until_32_calm_answers(modules: Page) -> None:
    script = """(flow) => {
      let state = flow.dropped(flow.begin(2), "superseded", 0);
      const seen = [state.window];
      for (let i = 0; i < 31; i++) state = flow.answered(state, 20, i);
      seen.push(state.window);
      seen.push(flow.answered(state, 20, 32).window);
      return seen;
    }"""
    assert run(modules, "flow.js", script) == [1, 1, 2]


def test_trouble_lowers_rate_and_quality_once_and_calm_raises_them_gently(modules: Page) -> None:
    script = """(flow) => {
      const start = flow.begin(2);
      const stale = flow.dropped(start, "stale", 1000);
      const again = flow.dropped(stale, "stale", 1100);
      const calm = flow.answered(again, 20, 2200);
      const pick = ({ fps, quality }) => [fps, quality];
      return [start, stale, again, calm].map(pick);
    }"""
    start_, stale, again, calm = run(modules, "flow.js", script)
    assert start_ == [30, 0.9]
    assert stale == again == pytest.approx([21, 0.81])
    assert calm == pytest.approx([22, 0.83])


def test_rising_round_trips_lower_the_rate_and_it_stays_within_its_bounds(modules: Page) -> None:
    script = """(flow) => {
      let state = flow.begin(2);
      for (let i = 0; i < 10; i++) state = flow.answered(state, 30, i * 30);
      const before = state.fps;
      for (let i = 0; i < 100; i++) state = flow.answered(state, 2000, 1000 + i * 100);
      const slow = [state.fps, state.quality];
      for (let i = 0; i < 5000; i++) state = flow.answered(state, 30, 20000 + i * 30);
      return [before, ...slow, state.fps, state.quality];
    }"""
    before, slow_fps, slow_quality, fps, quality = run(modules, "flow.js", script)
    assert before == 30
    assert 1 <= slow_fps < 8
    assert 0.5 <= slow_quality < 0.7
    assert (fps, quality) == pytest.approx((30, 0.9))


def test_page_slows_down_when_frames_come_back_stale(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = lambda _, upload: dropped(upload, "stale")
    start(page)
    until(page, lambda: page.evaluate("sightstream.flow.fps") < 22)
    until(page, lambda: page.locator("#quality").inner_text() < "quality 0.85")


def test_frames_keep_their_pace_though_cameras_tick_unevenly(modules: Page) -> None:
    script = """(flow, ticks, fps) => {
      let due = -Infinity;
      return ticks.filter((tick) => {
        const next = flow.pace(due, tick, fps);
        if (next !== null) due = next;
        return next !== null;
      });
    }"""
    uneven = [0, 33, 67, 99, 134, 166, 201]
    assert run(modules, "flow.js", script, uneven, 30) == uneven
    assert run(modules, "flow.js", script, uneven, 15) == [0, 67, 134, 201]
    assert run(modules, "flow.js", script, [0, 2000, 2500, 3000], 1) == [0, 2000, 3000]
    after_a_slow_source = run(modules, "flow.js", "(flow) => flow.pace(1000, 100, 30) !== null")
    assert after_a_slow_source


# What it shows


def test_older_labels_never_replace_newer_ones(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = None
    start(page)
    until(page, lambda: len(gateway.uploads) == 2)
    older, newer = gateway.uploads[:2]
    gateway.say(labels(newer, "goldfish"))
    until(page, lambda: top(page) == "goldfish")
    gateway.say(labels(older, "hammerhead"))
    until(page, lambda: books(page)["answered"] == 2)
    assert top(page) == "goldfish"
    assert page.evaluate("[sightstream.last.seq, sightstream.late]") == [newer.seq, 1]
    assert page.evaluate("sightstream.labels") == {"goldfish": 1, "hammerhead": 1}


def test_label_rows_stay_the_same_elements(page: Page, gateway: FakeGateway) -> None:
    page.evaluate("window.rows = [...document.querySelectorAll('#labels li, #labels span')]")
    gateway.answer = lambda _, upload: labels(upload, f"thing_{upload.seq}", "lynx")
    start(page)
    until(page, lambda: re.search("thing [3-9]", top(page)))
    assert page.evaluate(
        """() => {
          const now = [...document.querySelectorAll("#labels li, #labels span")];
          return now.length === 20 && now.every((row, i) => row === rows[i]);
        }"""
    )


def test_voice_says_only_changes_and_at_most_one_in_two_seconds(modules: Page) -> None:
    script = """({ LabelList }) => {
      const [list, voice] = ["ol", "p"].map((name) => document.createElement(name));
      const labels = new LabelList(list, voice);
      return [["tabby", 0], ["lynx", 500], ["lynx", 1900], ["tiger_cat", 2100], ["tiger_cat", 9000], ["lynx", 9050]]
        .map(([label, time]) => (labels.show([{ label, probability: 0.5 }], time), voice.textContent));
    }"""
    assert run(modules, "labels.js", script) == ["tabby", "tabby", "tabby", "tiger cat", "tiger cat", "lynx"]


def test_labels_with_markup_are_only_text(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = lambda _, upload: labels(upload, "<img src=x>")
    start(page)
    until(page, lambda: top(page) == "<img src=x>")
    assert page.locator("#labels img").count() == 0


def test_model_can_be_picked_when_several_are_served(page: Page, gateway: FakeGateway) -> None:
    expect(page.get_by_role("combobox", name="Model")).to_have_count(0)
    other = {"name": "inception_v3", "version": "2", "input_size": 299}
    gateway.models = [dict(MODEL), other]
    gateway.say({"type": "models", "models": gateway.models, "model": dict(MODEL)})
    page.get_by_role("combobox", name="Model").select_option("inception_v3")
    until(page, lambda: len(gateway.connections) == 2)
    assert gateway.connections[1] == {"token": "token-1", "model": "inception_v3"}
    start(page)
    until(page, lambda: gateway.uploads)
    assert Image.open(io.BytesIO(gateway.uploads[-1].jpeg)).size == (299, 299)
    expect(page.get_by_role("combobox", name="Model")).to_have_value("inception_v3")


def test_chooser_names_versions_and_follows_a_promotion(page: Page, gateway: FakeGateway) -> None:
    dogs = {"name": "dogs", "version": "aaa1", "input_size": 260}
    chooser = page.get_by_role("combobox", name="Model")
    gateway.say({"type": "models", "models": [dict(MODEL), dogs], "model": dict(MODEL)})
    expect(chooser.locator("option")).to_have_text(["efficientnet_lite2 · 2026.1", "dogs · aaa1"])
    start(page)
    until(page, lambda: books(page)["answered"] > 0)
    before = len(gateway.connections)
    newer = {**MODEL, "version": "2026.2"}
    gateway.answer = lambda _, upload: {**labels(upload), "version": "2026.2"}
    gateway.say({"type": "models", "models": [newer, dogs], "model": newer})
    expect(chooser.locator("option")).to_have_text(["efficientnet_lite2 · 2026.2", "dogs · aaa1"])
    expect(chooser).to_have_value("efficientnet_lite2")
    expect(page.locator("#model-version")).to_contain_text("2026.2")
    expect(page.locator("#seen-by")).to_have_text("efficientnet_lite2 · version 2026.2")
    assert len(gateway.connections) == before  # the session goes on


def test_labels_name_the_model_and_version_they_are_from(page: Page, gateway: FakeGateway) -> None:
    expect(page.locator("#seen-by")).to_have_text("")
    start(page)
    expect(page.locator("#seen-by")).to_have_text("efficientnet_lite2 · version 2026.1")


def test_page_waits_while_no_worker_is_ready(page: Page, gateway: FakeGateway) -> None:
    gateway.say({"type": "models", "models": [], "model": None})
    expect(page.locator("#state")).to_have_text("Waiting for a worker")
    start(page)
    expect(page.locator("#chip")).to_have_text("Waiting for a worker")
    page.wait_for_timeout(300)
    assert gateway.uploads == []
    gateway.say({"type": "models", "models": [dict(MODEL)], "model": dict(MODEL)})
    until(page, lambda: books(page)["answered"] > 0)
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
    expect(page.locator("#chip")).to_have_text("Paused while this tab is hidden")
    page.wait_for_timeout(100)
    before = len(gateway.uploads)
    page.wait_for_timeout(400)
    assert len(gateway.uploads) == before
    page.evaluate(hide, False)
    until(page, lambda: len(gateway.uploads) > before)
    expect(page).to_have_title("Sightstream")


def test_stop_gives_the_camera_back(page: Page, gateway: FakeGateway) -> None:
    start(page)
    until(page, lambda: len(gateway.uploads) >= 2)
    page.evaluate("window.track = video.srcObject.getVideoTracks()[0]")
    page.get_by_role("button", name="Stop").click()
    assert page.evaluate("track.readyState") == "ended"
    expect(page.get_by_role("button", name="Start camera")).to_be_visible()
    page.wait_for_timeout(100)
    before = len(gateway.uploads)
    page.wait_for_timeout(300)
    assert len(gateway.uploads) == before


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
    sent = books(page)["sent"]
    until(page, lambda: not page.evaluate("window.encoding"))
    page.wait_for_timeout(200)
    assert books(page)["sent"] == sent


def test_another_camera_can_be_picked_while_running(browser: Browser, gateway: FakeGateway) -> None:
    two_cameras = launch(browser.browser_type)
    page = two_cameras.new_context(permissions=["camera"]).new_page()
    page.goto(gateway.url)
    start(page)
    picker = page.get_by_role("combobox", name="Camera")
    used = "video.srcObject?.getVideoTracks()[0].getSettings().deviceId ?? ''"
    until(page, lambda: picker.input_value() != "")
    first = picker.input_value()
    assert page.evaluate(used) == first
    picker.select_option(index=2)
    second = picker.input_value()
    until(page, lambda: page.evaluate(used) == second)
    before = len(gateway.uploads)
    until(page, lambda: len(gateway.uploads) > before)
    assert second != first
    two_cameras.close()


def test_browser_without_video_frame_callbacks_streams_too(context: BrowserContext, gateway: FakeGateway) -> None:
    context.add_init_script("delete HTMLVideoElement.prototype.requestVideoFrameCallback")
    page = context.new_page()
    page.goto(gateway.url)
    start(page)
    until(page, lambda: books(page)["answered"] >= 5)


# How it stays connected


def test_reconnect_resumes_the_session_and_names_what_is_pending(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = None
    start(page)
    until(page, lambda: len(gateway.uploads) == 2)
    gateway.answer = lambda _, upload: labels(upload)
    gateway.hang_up(1012)
    until(page, lambda: len(gateway.uploads) >= 5)
    assert gateway.connections[1] == {"token": "token-1", "pending": "1,2"}
    counts = books(page)
    assert counts["expired"] == 2
    assert [upload.seq for upload in gateway.uploads[2:4]] == [3, 4]
    assert page.evaluate("sightstream.session") == "session-1"
    expect(page.locator("#state")).to_have_text("Connected")


def test_token_that_is_not_accepted_is_forgotten_and_a_new_session_begins(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = None
    start(page)
    until(page, lambda: len(gateway.uploads) == 2)
    gateway.refuse_token = True
    gateway.hang_up(1012)
    until(page, lambda: len(gateway.connections) == 3)
    assert "token" in gateway.connections[1] and "token" not in gateway.connections[2]
    until(page, lambda: page.evaluate("sightstream.session") == "session-3")
    assert books(page)["expired"] >= 2


@pytest.mark.parametrize("code", [1008, 4400])
def test_refusal_is_explained_and_not_retried(page: Page, gateway: FakeGateway, code: int) -> None:
    gateway.say({"type": "error", "code": "flood", "message": "Frames came without credits."})
    gateway.hang_up(code)
    expect(page.get_by_role("alert")).to_contain_text("Frames came without credits.")
    expect(page.locator("#state")).to_have_text("Not connected")
    page.wait_for_timeout(600)
    assert len(gateway.connections) == 1
    page.get_by_role("button", name="Connect again").click()
    expect(page.locator("#state")).to_have_text("Connected")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_frame_too_large_lowers_the_quality_and_reconnects(page: Page, gateway: FakeGateway) -> None:
    gateway.hang_up(1009)
    until(page, lambda: len(gateway.connections) == 2)
    assert page.evaluate("sightstream.flow.quality") == pytest.approx(0.8)


def test_backoff_grows_with_jitter_between_a_quarter_second_and_ten(modules: Page) -> None:
    script = "(socket) => [0, 1, 5, 50].map((n) => [0, 1].map((luck) => socket.backoff(n, luck)))"
    assert run(modules, "socket.js", script) == [[250, 500], [250, 1000], [250, 10_000], [250, 10_000]]


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
    until(page, lambda: books(page)["answered"] > 0)


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


# Where pictures come from


def test_picture_from_the_file_picker_is_sent_about_once_a_second(page: Page, gateway: FakeGateway) -> None:
    page.get_by_label("Picture or video").set_input_files(CAT)
    until(page, lambda: len(gateway.uploads) == 2)
    first, second = gateway.uploads
    assert 800 < second.captured - first.captured < 3000
    assert Image.open(io.BytesIO(first.jpeg)).size == (260, 260)
    expect(page.locator("#caption")).to_contain_text("cat.jpg")


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
    until(page, lambda: books(page)["answered"] > 0)
    expect(page.locator("#caption")).to_contain_text("Coffee")


def test_video_file_plays_round_and_round(page: Page, gateway: FakeGateway) -> None:
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
    film = FilePayload(name="film.webm", mimeType="video/webm", buffer=bytes(recorded))
    page.get_by_label("Picture or video").set_input_files(film)
    until(page, lambda: len(gateway.uploads) >= 15)
    assert page.evaluate("video.loop && !video.paused && video.muted")
    expect(page.locator("#caption")).to_contain_text("film.webm")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("notes.txt", b"words", "neither picture nor video"),
        ("torn.jpg", b"\xff\xd8 no picture", "cannot open torn.jpg"),
        ("torn.mp4", b"no film", "cannot play torn.mp4"),
    ],
)
def test_file_that_cannot_be_looked_at_is_named(
    page: Page, name: str, content: bytes, says: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    page.get_by_label("Picture or video").set_input_files(tmp_path / name)
    expect(page.get_by_role("alert")).to_contain_text(says)
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_role("alert")).to_be_hidden()


# Cameras that do not start


def test_denied_camera_says_so_and_what_to_do(browser: Browser, gateway: FakeGateway) -> None:
    context = browser.new_context()  # without the permission, and headless Chromium asks nobody
    page = context.new_page()
    page.goto(gateway.url)
    start(page)
    expect(page.get_by_role("alert")).to_contain_text("The camera was not allowed")
    expect(page.get_by_role("alert")).to_contain_text("then press Start again")
    expect(page.get_by_role("button", name="Start camera")).to_be_enabled()
    context.close()


def test_insecure_page_says_why_and_still_takes_pictures(context: BrowserContext, gateway: FakeGateway) -> None:
    page = context.new_page()
    page.goto(f"http://{INSECURE}:{gateway.port}/")
    start(page)
    expect(page.get_by_role("alert")).to_contain_text("Cameras need a secure page")
    page.get_by_label("Picture or video").set_input_files(CAT)
    until(page, lambda: books(page)["answered"] > 0)
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("NotFoundError", "No camera found"),
        ("NotReadableError", "The camera is busy"),
        ("OverconstrainedError", "That camera is not available"),
        ("SomethingElse", "Press Start to try again"),
    ],
)
def test_each_failure_of_a_camera_is_explained(page: Page, error: str, says: str) -> None:
    page.evaluate(
        "(name) => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name); }; }",
        error,
    )
    start(page)
    expect(page.get_by_role("alert")).to_contain_text(says)


def test_camera_that_goes_away_is_noticed(page: Page, gateway: FakeGateway) -> None:
    start(page)
    until(page, lambda: gateway.uploads)
    page.evaluate("video.srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended'))")
    expect(page.get_by_role("alert")).to_contain_text("The camera went away")
    expect(page.get_by_role("button", name="Start camera")).to_be_visible()


# For everybody


def test_everything_can_be_reached_by_keyboard_in_a_sensible_order(page: Page, gateway: FakeGateway) -> None:
    gateway.say({"type": "models", "models": [dict(MODEL), {**MODEL, "name": "other"}], "model": dict(MODEL)})
    expect(page.get_by_role("combobox", name="Model")).to_be_visible()
    names = []
    for _ in range(7):  # the list of only one camera is disabled
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    assert names == ["start", "file", "cap", "Cat", "Coffee", "model-choice", "stats"]
    page.get_by_role("button", name="Start camera").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Stop")).to_be_focused()


def test_every_part_has_a_name_and_a_role(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Sightstream")
    for heading in ("What it sees", "How fast", "Model"):
        expect(page.get_by_role("heading", level=2, name=heading, exact=True)).to_be_visible()
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.get_by_role("list", name="What it sees")).to_have_count(1)
    expect(page.get_by_role("combobox", name="Camera")).to_be_visible()
    expect(page.get_by_role("combobox", name="Frames a second")).to_be_visible()
    expect(page.get_by_role("link", name="Statistics of this session")).to_have_attribute("href", "/stats/session-1")
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, input, select, a, canvas")]
          .filter((each) => !(each.ariaLabel || each.textContent.trim() || each.labels?.length
            || each.getAttribute("aria-labelledby"))).map((each) => each.outerHTML)"""
    )
    assert [each for each in nameless if "notice-action" not in each] == []
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.evaluate("[...document.images].every((image) => image.hasAttribute('alt'))")


def test_text_stands_out_from_its_ground_in_light_and_dark(page: Page) -> None:
    script = """() => {
      const style = getComputedStyle(document.documentElement);
      const light = (name) => {
        const hex = style.getPropertyValue(name).trim();
        const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
          .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
      return [["--ink", "--card"], ["--soft", "--card"], ["--soft", "--ground"], ["--soft", "--stage"],
        ["--soft", "--accent-wash"], ["--accent", "--ground"], ["--accent-ink", "--accent"],
        ["--warn", "--warn-wash"], ["--ink", "--warn-wash"]].map(([a, b]) => [a, b, ratio(a, b)]);
    }"""
    page.emulate_media(color_scheme="light")
    light = page.evaluate(script)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(script)
    assert light != dark
    assert [each for each in light + dark if not each[2] >= 4.5] == []  # WCAG 2.2, 1.4.3


def test_nothing_moves_for_those_who_asked_for_calm(page: Page) -> None:
    moving = """() => [...document.querySelectorAll("*")].flatMap((each) => ["", "::before", "::after"]
      .map((part) => getComputedStyle(each, part)))
      .filter((style) => style.animationName !== "none" || parseFloat(style.transitionDuration) > 0).length"""
    page.get_by_role("button", name="Cat").click()
    expect(page.locator("#chip")).to_have_text("Live")
    assert page.evaluate(moving) > 0
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(moving) == 0


def test_page_never_scrolls_sideways(page: Page) -> None:
    for width in (320, 390, 768, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
