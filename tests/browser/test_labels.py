"""What the page shows of labels and models."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.page_driver import frame_counts, run, start, top_label, until
from tests.fakes.browser.gateway import MODEL, FakeGateway, labels

pytestmark = pytest.mark.browser


def test_older_labels_never_replace_newer_ones(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = None
    start(page)
    until(page, lambda: len(gateway.uploads) == 2)
    older, newer = gateway.uploads[:2]
    gateway.send(labels(newer, "goldfish"))
    until(page, lambda: top_label(page) == "goldfish")
    gateway.send(labels(older, "hammerhead"))
    until(page, lambda: frame_counts(page)["answered"] == 2)
    assert top_label(page) == "goldfish"
    assert page.evaluate("[sightstream.last.seq, sightstream.late]") == [newer.seq, 1]
    assert page.evaluate("sightstream.labels") == {"goldfish": 1, "hammerhead": 1}


def test_label_rows_stay_the_same_elements(page: Page, gateway: FakeGateway) -> None:
    page.evaluate("window.rows = [...document.querySelectorAll('#labels li, #labels span')]")
    gateway.answer = lambda _, upload: labels(upload, f"thing_{upload.seq}", "lynx")
    start(page)
    until(page, lambda: re.search("thing [3-9]", top_label(page)))
    assert page.evaluate(
        """() => {
          const now = [...document.querySelectorAll("#labels li, #labels span")];
          return now.length === 20 && now.every((row, i) => row === rows[i]);
        }"""
    )


def test_screen_reader_hears_only_changes_and_at_most_one_in_five_seconds(modules: Page) -> None:
    script = """({ Announcer }) => {
      const region = document.createElement("p");
      const announcer = new Announcer(region);
      return [["tabby", 0], ["lynx", 500], ["lynx", 4900], ["tiger", 5100], ["lynx", 9000], ["lynx", 10200]]
        .map(([text, time]) => (announcer.say(text, time), region.textContent));
    }"""
    assert run(modules, "webcam/announcer.js", script) == ["tabby", "tabby", "tabby", "tiger", "tiger", "lynx"]


def test_settled_label_is_the_headline_and_the_raw_labels_are_the_list(page: Page, gateway: FakeGateway) -> None:
    steady = {"label": "tiger_cat", "probability": 0.6}
    gateway.answer = lambda _, upload: {**labels(upload, "tabby", "tiger_cat"), "steady": steady}
    expect(page.get_by_role("heading", name="Nothing seen yet")).to_be_visible()
    start(page)
    expect(page.get_by_role("heading", name="Mostly: tiger cat")).to_be_visible()
    assert top_label(page) == "tabby"
    expect(page.locator("#announcer")).to_have_text("Mostly: tiger cat")


@pytest.mark.parametrize(
    ("steady", "unsure_below", "headline"),
    [
        (("tabby", 0.31), 0.3, "Mostly: tabby"),
        (("tabby", 0.29), 0.3, "Not sure"),
        (("tabby", 0.05), None, "Mostly: tabby"),  # a worker that does not know where its model is unsure
        (("none of these", 0.6), 0.3, "None of these"),
        (("none of these", 0.2), 0.3, "None of these"),
        (None, 0.9, "Not sure"),  # a server that does not smooth
    ],
)
def test_headline_is_not_sure_below_the_models_threshold_and_the_list_stays(
    page: Page,
    gateway: FakeGateway,
    steady: tuple[str, float] | None,
    unsure_below: float | None,
    headline: str,
) -> None:
    model = {**MODEL, "unsure_below": unsure_below} if unsure_below is not None else dict(MODEL)
    gateway.send({"type": "models", "models": [model], "model": model})
    settled = {"steady": dict(zip(("label", "probability"), steady, strict=True))} if steady else {}
    gateway.answer = lambda _, upload: {**labels(upload, "tabby", "none of these"), **settled}
    start(page)
    expect(page.locator("#headline")).to_have_text(headline)
    assert top_label(page) == "tabby"


def test_labels_with_markup_are_only_text(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = lambda _, upload: labels(upload, "<img src=x>")
    start(page)
    until(page, lambda: top_label(page) == "<img src=x>")
    assert page.locator("#labels img").count() == 0


def test_model_can_be_picked_when_several_are_served(page: Page, gateway: FakeGateway) -> None:
    expect(page.get_by_role("combobox", name="Model")).to_have_count(0)
    other = {"name": "inception_v3", "version": "2", "input_size": 299}
    gateway.models = [dict(MODEL), other]
    gateway.send({"type": "models", "models": gateway.models, "model": dict(MODEL)})
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
    gateway.send({"type": "models", "models": [dict(MODEL), dogs], "model": dict(MODEL)})
    expect(chooser.locator("option")).to_have_text(["efficientnet_lite2 · 2026.1", "dogs · aaa1"])
    start(page)
    until(page, lambda: frame_counts(page)["answered"] > 0)
    before = len(gateway.connections)
    newer = {**MODEL, "version": "2026.2"}
    gateway.answer = lambda _, upload: {**labels(upload), "version": "2026.2"}
    gateway.send({"type": "models", "models": [newer, dogs], "model": newer})
    expect(chooser.locator("option")).to_have_text(["efficientnet_lite2 · 2026.2", "dogs · aaa1"])
    expect(chooser).to_have_value("efficientnet_lite2")
    expect(page.locator("#model-version")).to_contain_text("2026.2")
    expect(page.locator("#labels-model")).to_have_text("efficientnet_lite2 · version 2026.2")
    assert len(gateway.connections) == before  # the session goes on


def test_labels_name_the_model_and_version_they_are_from(page: Page, gateway: FakeGateway) -> None:
    expect(page.locator("#labels-model")).to_have_text("")
    start(page)
    expect(page.locator("#labels-model")).to_have_text("efficientnet_lite2 · version 2026.1")
