"""Draws the icons of the installed page, and the picture that links to it show, from the page's favicon.svg.

``python infra/deploy/draw_icons.py`` writes them into ``web/static/app``. It needs Chromium and Pillow.
"""

import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

STATIC = Path(__file__).parents[2] / "web" / "static"
ACCENT, BACKGROUND, TEXT, MUTED = "#0d6e6a", "#f5f4f0", "#1d2322", "#5d6664"  # of shared/theme.css
COLOURS = 64  # of a PNG's palette: these pictures have few, and so they are small


def main() -> None:
    """Draw all of them."""
    svg = (STATIC / "favicon.svg").read_text()
    whole = f"<style>svg {{ display: block; width: 100vw; height: 100vh }}</style>{svg}"
    # launchers cut a maskable icon to their own shape: what counts is within a circle of 80 % of the side
    full = whole.replace("</style>", f"body {{ background: {ACCENT} }} svg {{ transform: scale(0.85) }}</style>")
    card = f"""<style>
      body {{ background: {BACKGROUND}; color: {TEXT}; font: 40px system-ui, sans-serif; height: 100vh;
              display: flex; align-items: center; gap: 64px; padding: 0 90px; box-sizing: border-box }}
      svg {{ width: 300px; flex: none }}
      h1 {{ font-size: 92px; margin: 0 0 18px; letter-spacing: -2px }}
      p {{ color: {MUTED}; margin: 0; line-height: 1.35 }}
    </style>{svg}<div><h1>Sightstream</h1>
    <p>Show your camera something, and see at once what a neural network sees.</p></div>"""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        draw(page, "icon-192.png", whole, 192, 192)
        draw(page, "icon-512.png", whole, 512, 512)
        draw(page, "maskable-512.png", full, 512, 512)
        draw(page, "apple-touch-icon.png", full, 180, 180)
        draw(page, "link.png", card, 1200, 630)
        browser.close()


def draw(page: Page, name: str, content: str, width: int, height: int) -> None:
    """Draw the HTML ``content`` at this size, without a background of its own."""
    page.set_viewport_size({"width": width, "height": height})
    page.set_content(f"<style>body {{ margin: 0 }}</style>{content}")
    picture = Image.open(io.BytesIO(page.screenshot(omit_background=True)))
    path = STATIC / "app" / name
    path.parent.mkdir(exist_ok=True)
    picture.quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
