"""The page for everybody: small screens, large letters, keyboard, screen reader, contrast, forced colours, motion.

Numbers such as 1.4.10 are criteria of WCAG 2.2.
"""

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.browser.page_driver import CAT, start
from tests.fakes.browser.gateway import MODEL, FakeGateway, labels

pytestmark = pytest.mark.browser

SIZES = [(360, 640), (390, 844), (667, 375), (768, 1024), (640, 400), (1280, 800)]  # 640 × 400 is 1280 × 800 at 200 %
LONG_TEXT = (
    "This page came over plain HTTP, and browsers then do not give access to the camera. Open it over https, or on "
    "the serving machine itself as http://localhost. A picture or a video file works here, too."
)
LONG_LABEL = "Soft-coated Wheaten terrier or Rhabarberbarbarabarbarbarenbier"
LONG_MODEL = {
    **MODEL,
    "name": "efficientnet_lite2_with_a_very_long_name_without_any_space",
    "version": "20261127T153448Z",
}
LETTERS = {
    "as they are": "",
    "200 %, 1.4.4": "html { font-size: 200% }",
    "spaced, 1.4.12": "* { line-height: 1.5 !important; letter-spacing: 0.12em !important;"
    " word-spacing: 0.16em !important } p { margin-bottom: 2em !important }",
}


def set_style(page: Page, css: str) -> None:
    """Add ``css`` to the page, in place of what was added before. The security policy lets no style element in."""
    script = "(css) => { const s = new CSSStyleSheet(); s.replaceSync(css); document.adoptedStyleSheets = [s]; }"
    page.evaluate(script, css)


def outside_the_first_screen(page: Page, *selectors: str) -> list[str]:
    """Those of the elements that are not wholly on the screen, without scrolling."""
    script = """(selectors) => selectors.filter((selector) => {
      const { top, left, bottom, right, height } = document.querySelector(selector).getBoundingClientRect();
      return height < 8 || top < 0 || left < 0 || bottom > innerHeight || right > innerWidth;
    })"""
    page.evaluate("scrollTo(0, 0)")
    found: list[str] = page.evaluate(script, list(selectors))
    return found


def badly_placed(page: Page) -> list[str]:
    """The visible elements that leave the element they stand in, sideways, and those that cut off their own text."""
    script = """() => [...document.querySelectorAll("body *")].flatMap((each) => {
      const box = each.getBoundingClientRect();
      if (!each.checkVisibility() || box.width < 2) return [];
      if (each.closest(".visually-hidden, select, svg, .bar, video, .still")) return [];
      let parent = each.parentElement;
      while (getComputedStyle(parent).display === "contents") parent = parent.parentElement;
      const within = parent.getBoundingClientRect();
      const name = `${each.tagName} ${each.id || each.className}`;
      const leaves = box.left < within.left - 1 || box.right > within.right + 1 || box.right > innerWidth;
      const hasText = [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
      let frame = each;
      while (frame && getComputedStyle(frame).overflow !== "hidden") frame = frame.parentElement;
      const { top = -Infinity, bottom = Infinity } = frame?.getBoundingClientRect() ?? {};
      const cuts = hasText && (box.top < top - 1 || box.bottom > bottom + 1 || (frame === each
        && (each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 2)));
      const spills = hasText && each.clientWidth > 0 && each.scrollWidth > each.clientWidth + 1;
      return leaves || cuts || spills ? [`${name}: ${each.textContent.trim().slice(0, 40)}`] : [];
    })"""
    found: list[str] = page.evaluate(script)
    return found


def choose_files(page: Page, *names: str) -> None:
    """Choose pictures with these names: of several there is a list."""
    files = [FilePayload(name=each, mimeType="image/jpeg", buffer=CAT.read_bytes()) for each in names]
    page.locator("#file").set_input_files(files)


def plug_cameras(page: Page, *names: str) -> None:
    """Make the browser list these cameras and no others."""
    script = """(names) => {
      const devices = names.map((name) => ({ kind: "videoinput", deviceId: name, label: name }));
      navigator.mediaDevices.enumerateDevices = async () => devices;
      navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    }"""
    page.evaluate(script, list(names))


def test_picture_and_top_label_are_on_the_first_screen_of_every_size(page: Page, gateway: FakeGateway) -> None:
    start(page)
    expect(page.locator("#chip")).to_have_text("Live")
    missing = {}
    for notice in (False, True):
        if notice:
            gateway.send({"type": "error", "message": LONG_TEXT})
            expect(page.get_by_role("alert")).to_contain_text(LONG_TEXT)
        parts = ["#picture", "#chip", "#start", "#headline", *(["#notice-title", "#notice-text"] if notice else [])]
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            missing[width, height, notice] = outside_the_first_screen(page, *parts)
            assert page.locator("#picture").evaluate("(picture) => picture.clientWidth") >= 190
    assert {key: parts for key, parts in missing.items() if parts} == {}


def test_without_scripts_the_page_says_so_on_the_first_screen(browser: Browser, gateway: FakeGateway) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(gateway.url)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            box = page.locator("noscript p").bounding_box(timeout=1000)
            assert box
            assert box["y"] + box["height"] < height
        expect(page.locator("#state")).to_be_hidden()  # it would say "Connecting…" for ever


@pytest.mark.parametrize("language", ["en", "de"])
def test_nothing_leaves_its_column_at_320_pixels(page: Page, gateway: FakeGateway, language: str) -> None:
    gateway.models = [dict(LONG_MODEL), dict(MODEL)]
    gateway.model = dict(LONG_MODEL)
    gateway.answer = lambda gateway, upload: {
        **labels(upload, *[LONG_LABEL] * 5),
        "model": LONG_MODEL["name"],
        "steady": {"label": LONG_LABEL, "index": 1, "probability": 0.8, "since": 0},
    }
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{gateway.url}?lang={language}")
    expect(page.locator("#model-choice")).to_be_visible()
    found: dict[tuple[str, str], list[str]] = {}
    for letters, css in LETTERS.items():
        set_style(page, css)
        found[letters, "no source"] = badly_placed(page)
    page.locator("#start").click()
    expect(page.locator("#headline")).to_contain_text(LONG_LABEL)
    gateway.send({"type": "error", "message": f"{LONG_TEXT} {LONG_MODEL['name']}"})
    expect(page.get_by_role("alert")).to_contain_text(LONG_TEXT)
    choose_files(page, f"{LONG_MODEL['name']}.jpg", "a picture.jpg")
    expect(page.locator("#results li")).to_have_count(2)
    for letters, css in LETTERS.items():
        set_style(page, css)
        for width in (320, 667, 1280):  # 320 pixels are 1280 at 400 %, 1.4.10
            page.set_viewport_size({"width": width, "height": 640})
            found[letters, f"{width} pixels"] = badly_placed(page)
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found[letters, f"{width} pixels"].append("the page scrolls sideways")
    assert {key: elements for key, elements in found.items() if elements} == {}


def test_buttons_and_links_are_large_enough_for_a_thumb(page: Page, gateway: FakeGateway) -> None:
    gateway.send({"type": "error", "message": "busy"})
    expect(page.get_by_role("alert")).to_be_visible()
    start(page)
    expect(page.get_by_role("button", name="Full screen")).to_be_visible()
    # the buttons on the picture share its width: 2.5.8 asks for 24 pixels
    small = """() => [...document.querySelectorAll("button, .button, select, a, summary")]
      .filter((each) => each.checkVisibility())
      .filter((each) => { const { width, height } = each.getBoundingClientRect();
        return height < 44 || width < (each.classList.contains("tool") ? 34 : 44); })
      .map((each) => each.outerHTML)"""
    for width, height in ((320, 640), *SIZES):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(small) == []


def test_everything_can_be_reached_by_keyboard_in_the_order_in_which_it_stands(
    page: Page, gateway: FakeGateway
) -> None:
    gateway.send({"type": "models", "models": [dict(MODEL), {**MODEL, "name": "other"}], "model": dict(MODEL)})
    gateway.send({"type": "error", "message": "busy"})
    start(page)
    expect(page.get_by_role("button", name="Full screen")).to_be_visible()
    expect(page.get_by_role("combobox", name="Model")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_visible()
    page.evaluate("document.activeElement.blur()")
    page.get_by_role("heading", level=1).click()  # from there on
    controls = """[...document.querySelectorAll("button, input, select, a, summary, [tabindex='0']")]
      .filter((each) => each.checkVisibility() && !each.disabled)"""
    top = """() => (document.activeElement.closest(".button") ?? document.activeElement).getBoundingClientRect().top
      + scrollY"""
    page.set_viewport_size({"width": 360, "height": 800})  # one column
    reached, tops = [], []
    for _ in range(page.evaluate(f"{controls}.length")):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(f"{controls}.indexOf(document.activeElement)"))
        tops.append(page.evaluate(top))
    assert reached == list(range(len(reached)))
    assert tops == sorted(tops)
    assert len(reached) >= 12


def test_what_scrolls_can_be_scrolled_by_keyboard_and_has_a_name(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    choose_files(page, *(f"{number}.jpg" for number in range(12)))
    expect(page.locator("#results li")).to_have_count(12)
    unreachable = """() => [...document.querySelectorAll("body *")]
      .filter((each) => /auto|scroll/.test(getComputedStyle(each).overflow) && each.checkVisibility())
      .filter((each) => !each.querySelector("button, a, input") && (each.tabIndex !== 0 || each.role !== "region"
        || !(each.ariaLabel || each.hasAttribute("aria-labelledby"))))
      .map((each) => each.outerHTML.slice(0, 100))"""
    assert page.evaluate(unreachable) == []


def test_focus_is_never_lost(page: Page, gateway: FakeGateway) -> None:
    toggle, cameras = page.locator("#start"), page.locator("#cameras")
    toggle.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Start camera")).to_be_focused()

    gateway.send({"type": "error", "message": "busy"})
    page.get_by_role("button", name="Dismiss this message").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(toggle).to_be_focused()

    gateway.close(1008, "this page is not allowed here")
    page.get_by_role("button", name="Connect again").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(toggle).to_be_focused()

    plug_cameras(page, "front", "back")
    expect(cameras).to_be_enabled()
    cameras.select_option("back")
    cameras.focus()
    plug_cameras(page, "front", "back", "table")
    expect(cameras.get_by_text("table")).to_be_attached()
    expect(cameras).to_be_focused()
    expect(cameras).to_have_value("back")
    plug_cameras(page)
    expect(cameras).to_be_disabled()
    expect(toggle).to_be_focused()


def test_focus_is_not_given_back_to_those_who_left_it(page: Page, gateway: FakeGateway) -> None:
    gateway.send({"type": "error", "message": "busy"})
    page.get_by_role("button", name="Dismiss this message").focus()
    page.get_by_role("heading", level=1).click()
    page.locator("#notice").evaluate("(notice) => (notice.hidden = true)")
    page.wait_for_timeout(50)
    assert page.evaluate("document.activeElement === document.body")


def test_every_part_has_a_name_and_a_role(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Sightstream")
    for heading in ("What it sees", "How fast", "Model"):
        expect(page.get_by_role("heading", level=2, name=heading, exact=True)).to_be_visible()
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.get_by_role("list", name="What it sees")).to_have_count(1)
    expect(page.get_by_role("combobox", name="Camera")).to_be_visible()
    expect(page.get_by_role("combobox", name="Frames a second")).to_be_visible()
    expect(page.get_by_role("link", name="Statistics of this session")).to_be_visible()
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, input, select, a, canvas")]
          .filter((each) => !(each.ariaLabel || each.textContent.trim() || each.labels?.length
            || each.getAttribute("aria-labelledby"))).map((each) => each.outerHTML)"""
    )
    assert [each for each in nameless if "notice-action" not in each] == []
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.evaluate("[...document.images].every((image) => image.hasAttribute('alt'))")


def test_text_has_enough_contrast_in_light_and_dark(page: Page) -> None:
    script = """() => {
      const style = getComputedStyle(document.documentElement);
      const light = (name) => {
        const hex = style.getPropertyValue(name).trim();
        const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
          .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
      return [["--text", "--card"], ["--muted", "--card"], ["--muted", "--background"], ["--muted", "--picture"],
        ["--muted", "--accent-faint"], ["--accent", "--background"], ["--on-accent", "--accent"],
        ["--warn", "--warn-faint"], ["--text", "--warn-faint"]].map(([a, b]) => [a, b, ratio(a, b)]);
    }"""
    page.emulate_media(color_scheme="light")
    light = page.evaluate(script)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(script)
    assert light != dark
    assert [each for each in light + dark if not each[2] >= 4.5] == []  # 1.4.3


def test_forced_colours_keep_bars_dots_borders_and_the_state(page: Page, gateway: FakeGateway) -> None:
    start(page)
    expect(page.locator("#chip")).to_have_text("Live")
    script = """() => {
      const canvas = getComputedStyle(document.body).backgroundColor;
      const colour = (selector, part) => getComputedStyle(document.querySelector(selector), part).backgroundColor;
      const filled = {
        bar: colour(".bar", "::after"), state: colour(".state", "::before"), chip: colour(".chip", "::before"),
        legend: colour(".legend .queue", "::before"), network: colour("#network-bar"), queue: colour("#queue-bar"),
        model: colour("#model-bar"),
      };
      const bordered = [".picture", ".card", ".bar", ".round-trip-bar", ".state", ".chip", "#start", "#cap"];
      const noBorder = bordered.filter((each) => {
        const { borderTopWidth: width, borderTopColor } = getComputedStyle(document.querySelector(each));
        return parseFloat(width) < 1 || borderTopColor === canvas;
      });
      const isUnseen = (colour) => colour === canvas || /^rgba.*, 0[)]$/.test(colour);
      const unseen = Object.keys(filled).filter((each) => isUnseen(filled[each]));
      return [unseen, noBorder];
    }"""
    for scheme in ("light", "dark"):
        page.emulate_media(forced_colors="active", color_scheme=scheme)
        assert page.evaluate(script) == [[], []]
    dot = "getComputedStyle(document.querySelector('.state'), '::before').backgroundColor"
    connected = page.evaluate(dot)
    gateway.close(1008, "this page is not allowed here")
    expect(page.locator("#state")).to_have_attribute("data-state", "refused")
    assert page.evaluate(dot) != connected


def test_nothing_moves_for_those_who_prefer_reduced_motion(page: Page) -> None:
    moving = """() => [...document.querySelectorAll("*")].flatMap((each) => ["", "::before", "::after"]
      .map((part) => getComputedStyle(each, part)))
      .filter((style) => style.animationName !== "none" || parseFloat(style.transitionDuration) > 0).length"""
    start(page)
    expect(page.locator("#chip")).to_have_text("Live")
    assert page.evaluate(moving) > 0
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(moving) == 0


def test_on_paper_there_is_nothing_to_press(page: Page) -> None:
    page.emulate_media(media="print")
    for role in ("button", "combobox"):
        expect(page.get_by_role(role)).to_have_count(0)
    expect(page.get_by_role("heading", name="What it sees")).to_be_visible()
