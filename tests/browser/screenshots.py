"""Makes the README's screenshots, for ``make screenshots``: a real stack, and a browser with a fake camera."""

import contextlib
import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from tests import ROOT
from tests.browser.live_pages import SIZES, pages, sample_camera
from tests.running_stack import running_stack

FOLDER = ROOT / "infra"
WATCH_MS = 30_000  # before the pictures are taken, so that the statistics have something to show
COLOURS = 256  # a palette makes the files a third as large; the pages have few colours, and the photograph is small


def take(page: Page, path: Path, suffix: str = "", *, whole: bool = False) -> None:
    """Write what the page shows as a PNG, in one of ``SIZES``; ``whole``: also what is below the first screen."""
    width, height = SIZES[suffix]
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(500)  # charts are drawn again in the new size
    shown = Image.open(io.BytesIO(page.screenshot(full_page=whole))).convert("RGB")
    shown.quantize(COLOURS, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {shown.width} × {shown.height}, {path.stat().st_size / 1000:.0f} KB")


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        contextlib.chdir(name),
    ):  # the camera is called by the path of its file
        camera = sample_camera("coffee", Path())
        with running_stack(Path(name, "stack")) as stack, pages(stack, camera) as (page,):
            page.wait_for_timeout(WATCH_MS)
            expect(page.locator("#headline")).to_contain_text("espresso", ignore_case=True)
            take(page, FOLDER / "page.png", whole=True)
            take(page, FOLDER / "page_phone.png", "-phone")
            with page.expect_popup() as opened:
                page.get_by_role("link", name="Statistics of this session").click()
            stats = opened.value
            expect(stats.locator("#state")).to_have_attribute("data-state", "open")
            take(stats, FOLDER / "stats.png", whole=True)


if __name__ == "__main__":
    main()
