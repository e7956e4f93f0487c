"""The page with a real stack: each page shows what its own camera shows, and no other page's labels."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.live_pages import SCREENSHOTS, page_state, pages, sample_camera, until_answered, video_camera
from tests.browser.page_diary import SAID_MS, keep_diary, until_said
from tests.browser.page_driver import frame_counts, top_label, until
from tests.running_stack import RunningStack

pytestmark = [pytest.mark.browser, pytest.mark.broker]

DOGS = range(151, 269)  # ImageNet's class indices
CATS = range(281, 286)
CUPS = (
    504,
    567,
    849,
    925,
    960,
    967,
    968,
    969,
)  # coffee mug, frying pan, teapot, consomme, ..., espresso, cup, eggnog


def share(page: Page, names: list[str], classes: Iterable[int]) -> float:
    """The share of the page's first labels that are of ``classes``."""
    wanted = {names[index] for index in classes}
    labels = page_state(page)["labels"]
    return float(sum(count for label, count in labels.items() if label in wanted) / sum(labels.values()))


@pytest.fixture(scope="module")
def names() -> list[str]:
    from models.weights import imagenet_labels

    return list(imagenet_labels())


def test_two_pages_at_once_each_show_what_their_own_camera_sees(
    stack: RunningStack, names: list[str], tmp_path: Path
) -> None:
    cameras = [sample_camera(name, tmp_path) for name in ("cat", "coffee")]
    with pages(stack, *cameras) as (cat, coffee):
        cat.wait_for_timeout(1500)
        assert share(cat, names, CATS) > 0.9
        assert share(coffee, names, CUPS) > 0.9
        assert page_state(cat)["session"] != page_state(coffee)["session"]
        for page, name in ((cat, "cat"), (coffee, "coffee")):
            frame_counts(page)
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=SCREENSHOTS / f"{name}.png")
        assert top_label(cat) in {names[index] for index in CATS}


def test_a_dog_before_one_camera_and_a_cat_before_another(
    stack: RunningStack, names: list[str], data: Path, tmp_path: Path
) -> None:
    cameras = [video_camera(data / "videos" / f"{name}.mp4", tmp_path) for name in ("dog", "cat")]
    with pages(stack, *cameras) as (dog, cat):
        until(dog, lambda: share(dog, names, DOGS) > 0.5, within_s=30)
        until(cat, lambda: share(cat, names, CATS) > 0.1, within_s=30)  # a chair takes most of that picture
        # the network sometimes calls part of the cat a terrier, so look for the label that is only the dog's
        labels = page_state(dog)["labels"]
        retriever = max(labels, key=labels.get)
        assert share(dog, names, CATS) == 0
        assert retriever not in page_state(cat)["labels"]
        for page in (dog, cat):
            frame_counts(page)


def test_the_page_comes_back_by_itself_when_the_gateway_does(stack: RunningStack, tmp_path: Path) -> None:
    with pages(stack, sample_camera("cat", tmp_path)) as (page,):
        before = page_state(page)
        [gateway] = stack.processes("infra.commands gateway")
        gateway.kill()
        until_answered(page, before["counts"]["answered"] + 30)
        assert page_state(page)["session"] == before["session"]
        frame_counts(page)


def test_the_page_names_a_worker_or_a_gateway_that_hangs_and_goes_on_when_it_does(
    stack: RunningStack, tmp_path: Path
) -> None:
    hanging = {"streams.worker": "No answers", "infra.commands gateway": "Server not reached"}
    with pages(stack, sample_camera("cat", tmp_path)) as (page,):
        keep_diary(page)
        for command, chip in hanging.items():
            processes = stack.processes(command)
            assert processes
            began = page.evaluate("performance.now()")
            try:
                for each in processes:
                    each.suspend()
                until_said(page, began, SAID_MS, chip=f"^{chip}$", stale=True)
            finally:
                for each in processes:
                    each.resume()
            expect(page.locator("#chip")).to_have_text("Live", timeout=20_000)
        frame_counts(page)
