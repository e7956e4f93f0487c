"""axe-core finds nothing on any page, in any state: light, dark and on a phone.

The browser's debugger brings axe-core into the page. The content security policy does not bind the debugger, so each
page is looked at with its own policy.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.live_pages import SCREENSHOTS, SIZES
from tests.browser.page_driver import CAT, start
from tests.fakes.answers import random_answers
from tests.fakes.browser.gateway import MODEL, FakeGateway
from tests.fakes.served_gateway import served_gateway
from tests.fakes.statistics import session_stats
from tests.fakes.videos import write_video
from training.report import write_report
from training.scores import score
from web.kafka.stats_store import StatsStore

pytestmark = pytest.mark.browser

TOKEN = "the operator's token"
OPTIONS = {"resultTypes": ["violations"], "preload": False}  # no rule needs what axe would load before
WHERE = {"exclude": ["#viewer", "asyncapi-viewer"]}  # what Swagger UI and asyncapi-viewer draw is theirs
VIEWS: dict[str, tuple[Literal["light", "dark"], tuple[int, int]]] = {
    "light": ("light", SIZES[""]),
    "dark": ("dark", SIZES[""]),
    "phone": ("light", SIZES["-phone"]),
}


@dataclass
class Gateway:
    """A whole gateway without Kafka."""

    url: str
    statistics: StatsStore


@dataclass
class Visit:
    """A page that is brought into a state."""

    page: Page
    fake: FakeGateway  # for the webcam page: it does what it is told
    gateway: Gateway  # for the other pages
    folder: Path

    def webcam(self, state: str = "open", language: str = "en") -> Page:
        self.page.goto(f"{self.fake.url}?lang={language}")
        expect(self.page.locator("#state")).to_have_attribute("data-state", state)  # in any language
        return self.page

    def unanswered(self) -> None:
        self.page.route_web_socket("**/ws*", lambda socket: None)
        self.webcam("connecting")

    def camera(self) -> None:
        self.fake.models.append({**MODEL, "name": "another model"})
        start(self.webcam())
        expect(self.page.locator("#labels .name").first).to_have_text("tabby")

    def silent(self) -> None:
        self.camera()
        self.fake.answer = None
        self.page.wait_for_timeout(2000)  # the labels are old

    def offline(self) -> None:
        self.camera()
        self.page.context.set_offline(True)
        self.fake.close(1012)
        expect(self.page.locator("#state")).to_have_text("Offline")

    def picture(self) -> None:
        self.webcam().locator("#file").set_input_files(CAT)
        expect(self.page.locator("#labels .name").first).to_have_text("tabby")

    def frozen(self) -> None:
        self.camera()
        self.page.locator("#freeze").click()
        self.page.locator("#network-view").press("Enter")  # its name shows, as it has the focus
        expect(self.page.locator("#chip")).to_have_text("Frozen")

    def snapshot(self) -> None:
        self.picture()
        self.page.locator("#snapshot").click()
        expect(self.page.get_by_role("dialog")).to_be_visible()

    def files(self) -> None:
        self.webcam().locator("#file").set_input_files([CAT, Path(__file__), CAT])
        expect(self.page.locator("#results [role=status]")).to_contain_text("3 of 3 files")

    def video(self) -> None:
        self.webcam().locator("#file").set_input_files(write_video(self.folder / "film.webm"))
        expect(self.page.get_by_role("slider")).to_be_visible()

    def no_worker(self) -> None:
        self.fake.models, self.fake.model = [], None
        self.webcam("idle")

    def refused(self) -> None:
        self.webcam()
        self.fake.send({"type": "error", "code": "flood", "message": "Frames came without credits."})
        self.fake.close(1008)
        expect(self.page.locator("#notice-action")).to_be_visible()

    def denied(self) -> None:
        self.page.context.clear_permissions()
        start(self.webcam())
        expect(self.page.locator("#notice")).to_be_visible()

    def session(self, ended_s_ago: float, state: str) -> None:
        now = time.time() * 1000
        stats = session_stats("abc", "Egyptian_cat", 400, now - ended_s_ago * 1000)
        self.gateway.statistics.put("abc", stats.dumps(), now)
        self.page.goto(f"{self.gateway.url}stats/abc")
        expect(self.page.locator("#state")).to_have_text(state)
        expect(self.page.locator("#labels tr").first).to_be_visible()

    def unknown(self) -> None:
        self.page.goto(f"{self.gateway.url}stats/unknown")
        expect(self.page.locator("main a")).to_be_visible()

    def sign_in(self, token: str = "") -> None:
        self.page.goto(f"{self.gateway.url}ops")
        if token:
            self.page.locator("#token").fill(token)
            self.page.locator("main button").click()

    def operations(self) -> None:
        streaming = self.page.context.new_page()
        streaming.goto(self.gateway.url)
        start(streaming)
        expect(streaming.locator("#chip")).to_have_text("Live")
        streaming.locator("#start").click()  # it stops, and its session stays
        self.sign_in(TOKEN)
        expect(self.page.locator("#state")).to_have_text("Ready")
        expect(self.page.locator("#sessions tr")).to_have_count(1)

    def documents(self, path: str, shown: str) -> None:
        self.page.goto(f"{self.gateway.url}{path}")
        expect(self.page.get_by_text(shown).first).to_be_visible()

    def report(self) -> None:
        path, answers = self.folder / "report.html", random_answers(self.folder, classes=26, each=2, outside=4)
        curves = {"loss": [2.0, 1.0, 0.7]}
        write_report(
            path,
            title="dogs",
            scores=score(answers),
            answers=answers,
            picture_root=self.folder,
            crop=1.0,
            about={},
            curves=curves,
        )
        self.page.goto(path.as_uri())


STATES: dict[str, Callable[[Visit], object]] = {
    "webcam-empty": Visit.webcam,
    "webcam-german": lambda visit: visit.webcam("open", "de"),
    "webcam-connecting": Visit.unanswered,
    "webcam-camera": Visit.camera,
    "webcam-silent": Visit.silent,
    "webcam-offline": Visit.offline,
    "webcam-picture": Visit.picture,
    "webcam-frozen": Visit.frozen,
    "webcam-snapshot": Visit.snapshot,
    "webcam-files": Visit.files,
    "webcam-video": Visit.video,
    "webcam-no-worker": Visit.no_worker,
    "webcam-refused": Visit.refused,
    "webcam-camera-denied": Visit.denied,
    "stats-live": lambda visit: visit.session(-60, "Live"),  # its last frame is still to come, so it stays live
    "stats-ended": lambda visit: visit.session(60, "Ended"),
    "stats-unknown": Visit.unknown,
    "ops-sign-in": Visit.sign_in,
    "ops-wrong-token": lambda visit: visit.sign_in("wrong"),
    "ops-live": Visit.operations,
    "docs": lambda visit: visit.documents("docs", "/api/sessions/{session}/stats"),
    "training-report": Visit.report,
}


@pytest.fixture(scope="module")
def whole_gateway() -> Iterator[Gateway]:
    with served_gateway(operator_token=TOKEN) as served:
        yield Gateway(f"http://127.0.0.1:{served.port}/", served.app.state.gateway.stats_store)


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(
    state: str, context: BrowserContext, gateway: FakeGateway, whole_gateway: Gateway, tmp_path: Path
) -> None:
    page = context.new_page()
    page.emulate_media(reduced_motion="reduce")  # half-way colours are no fault
    STATES[state](Visit(page, gateway, whole_gateway, tmp_path))
    page.evaluate(AXE_SCRIPT)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    found = {}
    for view, (scheme, (width, height)) in VIEWS.items():
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})
        if faults := axe_faults(page):
            found[view] = faults
        page.screenshot(path=SCREENSHOTS / f"{state}-{view}.png")
    if found:
        pytest.fail("\n".join(f"{view}: {faults}" for view, faults in found.items()), pytrace=False)


def axe_faults(page: Page) -> str:
    """What axe-core, which is in the page, finds there: the rules, where to read about them, and the elements."""
    results = AxeResults(page.evaluate("([where, options]) => axe.run(where, options)", [WHERE, OPTIONS]))
    return str(results.generate_report()) if results.violations_count else ""


def test_a_fault_is_found_and_described(context: BrowserContext) -> None:
    page = context.new_page()
    page.set_content("<html lang=en><title>A page</title><main><h1>A page</h1><img id=bare src=data:,>")
    page.evaluate(AXE_SCRIPT)
    faults = axe_faults(page)
    assert "image-alt" in faults and "https://" in faults and "Target: #bare" in faults
