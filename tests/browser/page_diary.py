"""What the camera page says of itself, and when."""

import re
from typing import Any

from playwright.sync_api import Page

SAID_MS = 2000  # at most, from a cause until the page says it
LIVE_MS = 1500  # at most, from the first label until the page says "Live" again

# The page itself notes what it says, and when: questions from outside would come late.
_KEEP = """() => {
  const text = (selector) => document.querySelector(selector).textContent;
  window.diary = [];
  const note = () => {
    const stale = ["#labels", "#headline"].every((each) => document.querySelector(each).matches(".stale"));
    const now = { state: text("#state"), chip: text("#chip"), why: text("#why"), top: text("#labels .name"), stale };
    const { at, ...last } = diary.at(-1) ?? {};
    if (JSON.stringify(now) !== JSON.stringify(last)) diary.push({ at: performance.now(), ...now });
  };
  note();
  const all = { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["class"] };
  new MutationObserver(note).observe(document.body, all);
}"""


def keep_diary(page: Page) -> None:
    """From now on the page notes what it says."""
    page.evaluate(_KEEP)


def diary(page: Page, since: float) -> list[dict[str, Any]]:
    """What the page has said since that time, by its own clock."""
    entries: list[dict[str, Any]] = page.evaluate("(since) => diary.filter((each) => each.at >= since)", since)
    return entries


def until_said(page: Page, since: float, within_ms: int, **said: str | bool) -> float:
    """When the page first said all this after the time ``since``; fails if that is too late. Texts are patterns."""
    for _ in range((within_ms + 2000) // 50):
        for each in diary(page, since):
            if all(
                re.search(want, each[k]) if isinstance(want, str) else each[k] == want for k, want in said.items()
            ):
                took = each["at"] - since
                assert took <= within_ms, diary(page, since)
                return float(each["at"])
        page.wait_for_timeout(50)
    raise AssertionError(f"the page never said {said}, but: {diary(page, since)}")
