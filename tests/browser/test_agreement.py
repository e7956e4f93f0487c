"""The commands and the page agree on awkward files: which are read, with which label, and what is said of the others.

The page and `stream` are connected to a fake gateway that answers with a real network.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from models.bundle import Bundle
from models.classifier import Classifier
from models.engines.base import EngineOptions
from models.images import read_frame
from tests.browser.page_driver import top_label, until
from tests.fakes.awkward_files import LABEL, readable_pictures, refused, videos
from tests.fakes.browser.gateway import FakeGateway, FakeServer, labels
from training.train import TrainingPlan, train
from web.protocol import Upload

pytestmark = [pytest.mark.browser, pytest.mark.model]

NETWORK = "efficientnet_lite0"
READABLE, VIDEOS = readable_pictures(), videos()
PICTURES = {**READABLE, **refused()}
VIDEOS_CALLED_PICTURES = {"film.jpg"}
BREAK_OFF = {"cut_off_at_half.mp4", "zeros_inside.mp4"}  # videos that play first
# How much of a video could be read is counted in other units by FFmpeg and by browsers.
SHARE = re.compile(r"[0-9]+ (% of it|of [0-9]+ frames) could be read")


@dataclass
class Decisions:
    """The label of each file that was read, at least in part, and what was said of each that was not read whole."""

    labels: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def on(self, files: dict[str, bytes]) -> dict[str, tuple[bool, str]]:
        """Whether each of these files was read, and what was said of it."""
        said = {name: SHARE.sub("a part could be read", self.words.get(name, "")) for name in files}
        return {name: (name in self.labels, said[name]) for name in files}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all files, which has the name of their class."""
    folder = tmp_path_factory.mktemp("data") / LABEL
    folder.mkdir()
    for name, content in {**PICTURES, **VIDEOS}.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def gateway(server: FakeServer, lite0: Bundle, cache: Path) -> FakeGateway:
    """A gateway whose answers are the labels of a network."""
    classifier = Classifier.load(lite0, EngineOptions(cache))
    size = classifier.view.size
    model = {"name": NETWORK, "version": classifier.version, "input_size": size, "crop": classifier.view.crop}

    def answer(_: FakeGateway, upload: Upload) -> dict[str, Any]:
        [ranked] = classifier.classify(read_frame(upload.jpeg, size)[None])
        return labels(upload, *(each.label for each in ranked))

    gateway = server.renew()
    gateway.model, gateway.models, gateway.answer = model, [model], answer
    return gateway


def sightstream(cache: Path, *arguments: object) -> tuple[list[str], list[str]]:
    """The lines that a command prints on stdout and on stderr."""
    command = [sys.executable, "-m", "infra.commands", *map(str, arguments)]
    environ = {**os.environ, "SIGHTSTREAM_CACHE": str(cache)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environ)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.splitlines(), done.stderr.splitlines()


def words_in(lines: list[str], folder: Path, before: str = "") -> dict[str, str]:
    """What lines of the form "FOLDER/NAME: WORDS" say of the files, by name."""
    prefix = f"{before}{folder}/"
    return dict(line.removeprefix(prefix).split(": ", 1) for line in lines if line.startswith(prefix))


@pytest.fixture(scope="module")
def classified(lite0: Bundle, cache: Path, folder: Path) -> Decisions:
    out, err = sightstream(cache, "classify", "--model", NETWORK, "--json", folder)
    check_videos_are_left_out(err)
    results = {Path(each["file"]).name: each for each in map(json.loads, out)}
    return Decisions(
        {name: each["labels"][0]["label"] for name, each in results.items() if "labels" in each},
        {name: each["error"] for name, each in results.items() if "error" in each},
    )


@pytest.fixture(scope="module")
def streamed(gateway: FakeGateway, cache: Path, folder: Path) -> Decisions:
    address = f"ws://127.0.0.1:{gateway.port}/ws"
    out, err = sightstream(cache, "stream", "--url", address, "--once", "--json", folder)
    files = json.loads(out[-1])["files"]
    return Decisions(
        {Path(path).name: top["label"] for path, top in files.items()}, words_in(err, folder, before="not sent: ")
    )


@pytest.fixture(scope="module")
def page(browser: Browser, gateway: FakeGateway) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(gateway.url)
    yield page
    page.close()


@pytest.fixture(scope="module")
def shown(page: Page, gateway: FakeGateway, folder: Path) -> Decisions:
    """What the page shows and says when one file after the other is chosen."""
    decisions = Decisions()
    for name in sorted(PICTURES | VIDEOS):
        choose(page, gateway, folder / name, decisions)
    return decisions


def choose(page: Page, gateway: FakeGateway, file: Path, decisions: Decisions) -> None:
    before, notice, caption = len(gateway.uploads), page.get_by_role("alert"), page.locator("#caption")
    page.get_by_label("Picture or video").set_input_files(file)
    until(page, lambda: notice.is_visible() or (caption.text_content() or "").startswith(f"{file.name}, "))
    if not notice.is_visible():
        until(page, lambda: len(gateway.uploads) > before and page.evaluate("sightstream.counts.pending") == 0)
        until(page, lambda: top_label(page) != "–")  # the page draws them a moment later
        decisions.labels[file.name] = top_label(page)
    if file.name in BREAK_OFF:
        until(page, notice.is_visible)
    if notice.is_visible():
        text = page.locator("#notice-text").text_content() or ""
        assert text.startswith(f"{file.name}: ")
        decisions.words[file.name] = text.removeprefix(f"{file.name}: ").removesuffix(".")
        notice.get_by_role("button", name="Dismiss").click()


def check_videos_are_left_out(lines: list[str]) -> None:
    """Checks that a command for pictures names the videos that it leaves out, and says which command reads them."""
    [line] = [line for line in lines if "videos, left out: " in line]
    assert f"videos, left out: {len(VIDEOS) - len(VIDEOS_CALLED_PICTURES)} (" in line
    assert line.endswith("`sightstream stream` sends videos")


def test_there_are_sixty_files_or_more() -> None:
    assert len(PICTURES) + len(VIDEOS) >= 60


def test_pictures_are_read_or_refused_with_the_same_words(
    classified: Decisions, streamed: Decisions, shown: Decisions
) -> None:
    assert classified.on(PICTURES) == streamed.on(PICTURES) == shown.on(PICTURES)
    assert classified.labels.keys() == READABLE.keys()
    assert all(words for name, (_, words) in classified.on(PICTURES).items() if name not in READABLE)


def test_pictures_have_the_same_label(classified: Decisions, streamed: Decisions, shown: Decisions) -> None:
    for decisions in (streamed, shown):
        same = [name for name in READABLE if decisions.labels[name] == classified.labels[name]]
        assert len(same) >= 0.95 * len(READABLE)
    assert list(classified.labels.values()).count(LABEL) >= 0.95 * len(READABLE)


def test_evaluate_reads_the_same_pictures_with_the_same_words(
    classified: Decisions, lite0: Bundle, cache: Path, folder: Path
) -> None:
    out, err = sightstream(cache, "evaluate", "--json", NETWORK, folder.parent)
    check_videos_are_left_out(err)
    assert words_in(err, folder) == classified.words
    scores = json.loads(out[-1])
    assert (scores["n"], scores["unreadable"]) == (len(READABLE), len(classified.words))
    assert scores["top1"] >= 0.95


def test_train_reads_the_same_pictures_with_the_same_words(
    classified: Decisions, lite0: Bundle, cache: Path, folder: Path, tmp_path: Path
) -> None:
    dataset = train(TrainingPlan(folder.parent, NETWORK, size=96), tmp_path / "model", cache).dataset
    check_videos_are_left_out([*dataset.faults.remarks])
    assert words_in([*dataset.faults.unreadable], folder) == classified.words
    assert len(dataset.pictures()) + len(dataset.faults.duplicates) == len(READABLE)


def test_videos_are_sent_or_refused_with_the_same_words(streamed: Decisions, shown: Decisions) -> None:
    assert streamed.on(VIDEOS) == shown.on(VIDEOS)
    assert {streamed.labels.get(name, LABEL) for name in VIDEOS} == {LABEL}
    assert {shown.labels.get(name, LABEL) for name in VIDEOS} == {LABEL}


def test_a_video_called_a_picture_is_named_by_commands_for_pictures(classified: Decisions, folder: Path) -> None:
    assert classified.words.keys() & VIDEOS.keys() == VIDEOS_CALLED_PICTURES
    assert {classified.words[name] for name in VIDEOS_CALLED_PICTURES} == {
        "a video, not a picture: `sightstream stream` sends videos"
    }
