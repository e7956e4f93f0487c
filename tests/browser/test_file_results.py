"""Several files at once: a list of results, each file sent and answered once, and a table to save."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Download, FilePayload, Page, expect

from tests.browser.page_driver import frame_counts, run, start, until
from tests.fakes.browser.camera_file import colour_card, jpeg
from tests.fakes.browser.gateway import MODEL, FakeGateway, dropped, labels
from tests.fakes.pictures import encoded
from tests.fakes.videos import write_video
from web.protocol import Upload

pytestmark = pytest.mark.browser

RED, GREEN, BLUE = ((240, 20, 20), (20, 240, 20), (20, 20, 240))
FOLDER = """(tree) => {
  const entry = (name, node, path) => Array.isArray(node)
    ? { isDirectory: false, name, fullPath: path, file: (done) => done(new File([new Uint8Array(node)], name)) }
    : { isDirectory: true, name, fullPath: path, createReader() {
        const inside = Object.entries(node).map(([child, each]) => entry(child, each, `${path}/${child}`));
        return { readEntries: (done) => done(inside.splice(0, 2)) }; // in parts, as browsers do
      } };
  const items = Object.entries(tree).map(([name, node]) =>
    ({ kind: "file", webkitGetAsEntry: () => entry(name, node, `/${name}`) }));
  const event = new Event("drop", { bubbles: true, cancelable: true });
  Object.defineProperty(event, "dataTransfer", { value: { items, files: [] } });
  document.body.dispatchEvent(event);
}"""


def plain(colour: tuple[int, int, int]) -> bytes:
    return jpeg(Image.new("RGB", (64, 48), colour))


def by_colour(upload: Upload, best: float = 0.8) -> dict[str, Any]:
    """Labels that name the colour of a picture, and then two further ones."""
    with Image.open(io.BytesIO(upload.jpeg)) as picture:
        colour: Any = picture.getpixel((9, 9))
    return labels(upload, ("red", "green", "blue")[colour.index(max(colour))], "second, of all", "third", best=best)


def choose(page: Page, *files: tuple[str, bytes]) -> None:
    page.get_by_label("Picture or video").set_input_files(
        [FilePayload(name=name, mimeType="", buffer=content) for name, content in files]
    )


def rows(page: Page) -> list[str]:
    return page.locator("#results li").all_text_contents()


def until_done(page: Page, count: int) -> None:
    expect(page.locator("#results [role=status]")).to_contain_text(f"{count} of {count} files")


def saved(page: Page) -> list[dict[str, str]]:
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    found: Download = download.value
    return list(csv.DictReader(Path(found.path()).read_text(encoding="utf-8").splitlines()))


def test_each_file_has_its_result_or_the_reason_why_not(page: Page, gateway: FakeGateway, tmp_path: Path) -> None:
    gateway.answer = lambda _, upload: by_colour(upload)
    film = write_video(tmp_path / "film.webm", Image.new("RGB", (64, 48), BLUE)).read_bytes()
    choose(page, ("a.jpg", plain(RED)), ("notes.txt", b"words"), ("c.png", plain(GREEN)), ("film.webm", film))
    until_done(page, 4)
    first, second, third, fourth = rows(page)
    assert "red" in first and "80" in first and "a.jpg" in first
    assert "a text, not a picture" in second and "notes.txt" in second
    assert "green" in third and "blue" in fourth
    expect(page.locator("#results [role=status]")).to_contain_text("1 without labels")
    assert page.locator("#results img[src^='data:image/jpeg']").count() == 3
    expect(page.locator("#caption")).to_contain_text("a.jpg")  # the first is shown at once
    page.locator("#results button", has_text="c.png").click()
    expect(page.locator("#caption")).to_contain_text("c.png")


def test_the_table_holds_all_labels_and_runs_nothing_in_a_spreadsheet(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = lambda _, upload: by_colour(upload, best=0.5)
    choose(page, ("=1+1.jpg", plain(RED)), ('a "b", c.jpg', plain(GREEN)), ("-x.txt", b"words"))
    until_done(page, 3)
    first, second, third = saved(page)
    assert first["file"] == "'=1+1.jpg"
    assert (first["label"], float(first["probability"])) == ("red", 0.5)
    assert (first["label_2"], first["label_3"], first["label_4"]) == ("second, of all", "third", "")
    assert (first["model"], first["version"], first["error"]) == (MODEL["name"], MODEL["version"], "")
    assert second["file"] == 'a "b", c.jpg'
    assert third["file"] == "'-x.txt" and "a text, not a picture" in third["error"] and third["label"] == ""


def test_cells_that_begin_like_a_formula_become_texts(modules: Page) -> None:
    names = ["=A1", "+1", "-1", "@x", "\t=A1", "\r=A1", " =A1", "＝A1", "plain", "a=b"]
    script = "({ csvText }, names) => csvText(names.map((file) => ({ file })))"
    text = run(modules, "webcam/results_csv.js", script, names)
    cells = [row[0] for row in csv.reader(io.StringIO(text, newline=""))][1:]
    assert cells == [f"'{name}" for name in names[:8]] + names[8:]


def test_each_file_is_sent_once_and_again_only_when_it_was_dropped(page: Page, gateway: FakeGateway) -> None:
    seen: dict[str, int] = {}

    def answer(_: FakeGateway, upload: Upload) -> dict[str, Any]:
        message = by_colour(upload)
        name = message["labels"][0]["label"]
        seen[name] = seen.get(name, 0) + 1
        if name == "green" and seen[name] <= 2:
            return dropped(upload, "superseded" if seen[name] == 1 else "stale")
        if name == "blue":
            return {**dropped(upload, "unreadable"), "message": "the JPEG has no end"}
        return message

    gateway.answer = answer
    choose(page, ("blue.jpg", plain(BLUE)), ("green.jpg", plain(GREEN)), ("notes.txt", b"words"))
    until_done(page, 3)
    assert seen["blue"] == 1
    assert "the JPEG has no end" in rows(page)[0]
    assert "green" in rows(page)[1]
    until(page, lambda: seen["green"] >= 4)  # it is shown then, as the first that has labels
    frame_counts(page)


def test_files_wait_for_a_connection_that_is_lost(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = None
    choose(page, ("a.jpg", plain(RED)), ("b.jpg", plain(GREEN)))
    until(page, lambda: len(gateway.uploads) == 1)
    gateway.answer = lambda _, upload: by_colour(upload)
    gateway.close(1012)
    until_done(page, 2)
    assert ["red" in rows(page)[0], "green" in rows(page)[1]] == [True, True]


def test_a_camera_goes_on_beside_a_list_without_its_labels(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = lambda _, upload: labels(upload, "tabby")
    start(page)
    until(page, lambda: frame_counts(page)["answered"] > 3)
    choose(page, ("notes.txt", b"words"), ("more.txt", b"words"))
    until_done(page, 2)
    before = frame_counts(page)["answered"]
    until(page, lambda: frame_counts(page)["answered"] > before + 3)
    expect(page.locator("#chip")).to_have_text("Live")


def test_a_dropped_folder_is_searched(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = lambda _, upload: by_colour(upload)
    red = [*plain(RED)]
    page.evaluate(FOLDER, {"trip": {"2.jpg": red, "10.jpg": red, ".hidden": red, "day": {"a.png": red}, "e": {}}})
    until_done(page, 3)
    assert [row["file"] for row in saved(page)] == ["trip/2.jpg", "trip/10.jpg", "trip/day/a.png"]


def test_a_folder_with_one_picture_is_that_picture(page: Page, gateway: FakeGateway) -> None:
    page.evaluate(FOLDER, {"trip": {"only.jpg": [*plain(RED)]}})
    until(page, lambda: gateway.uploads)
    expect(page.locator("#caption")).to_contain_text("only.jpg")
    expect(page.locator("#results")).to_be_hidden()


@pytest.mark.parametrize("tree", [{"empty": {}}, {"deep": {"deeper": {}}}])
def test_a_folder_without_files_says_so(page: Page, tree: dict[str, Any]) -> None:
    page.evaluate(FOLDER, tree)
    expect(page.get_by_role("alert")).to_contain_text("That is not a file")


def test_only_so_many_files_of_a_folder_are_taken(modules: Page) -> None:
    script = """async ({ droppedFiles, MOST_FILES }) => {
      const file = { isDirectory: false, name: "x", fullPath: "/x", file: (done) => done(new File(["x"], "x")) };
      const folder = { isDirectory: true, name: "f", fullPath: "/f" }; // it holds itself, and never ends
      folder.createReader = () => ({ readEntries: (done) => done(Array(100).fill(file).concat(folder)) });
      const { files, more } = await droppedFiles({ items: [{ kind: "file", webkitGetAsEntry: () => folder }] });
      return [files.length === MOST_FILES, more];
    }"""
    assert run(modules, "sources/dropped_files.js", script) == [True, True]


def test_a_closed_list_sends_nothing_more_and_another_one_begins_anew(page: Page, gateway: FakeGateway) -> None:
    gateway.answer = None
    choose(page, *[(f"{number}.jpg", plain(RED)) for number in range(9)])
    until(page, lambda: len(gateway.uploads) == 1)
    page.get_by_role("button", name="Close the list").click()
    expect(page.locator("#results")).to_be_hidden()
    expect(page.get_by_role("button", name="Start camera")).to_be_focused()
    gateway.answer = lambda _, upload: by_colour(upload)
    gateway.send(by_colour(gateway.uploads[0]))
    page.wait_for_timeout(300)
    assert len(gateway.uploads) == 1
    choose(page, ("b.png", encoded(colour_card(99, 99), "PNG")), ("c.jpg", plain(BLUE)))
    until_done(page, 2)
    assert "c.jpg" in rows(page)[1]
