"""One journey through the pages with a real stack, in each engine: camera, label, another model, statistics, stop."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.browser.live_pages import SCREENSHOTS
from tests.fakes.browser.chromium import chromium_tab
from tests.fakes.browser.firefox import firefox
from tests.fakes.browser.tab import Tab, text, until, until_text
from tests.fakes.browser.webkit import webkit
from tests.running_stack import RunningStack

pytestmark = [pytest.mark.browser, pytest.mark.broker]

ENGINES: dict[str, Callable[[], AbstractContextManager[Tab]]] = {
    "chromium": chromium_tab,
    "firefox": firefox,
    "webkit": webkit,
}


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def tab(engine: str) -> Iterator[Tab]:
    with ENGINES[engine]() as tab:
        yield tab


def test_a_person_gets_labels_changes_the_model_reads_the_statistics_and_stops(
    engine: str, tab: Tab, stack: RunningStack
) -> None:
    def keep(state: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        tab.screenshot(SCREENSHOTS / f"journey-{engine}-{state}.png")

    tab.open(stack.url)
    until_text(tab, "#state", "Connected")
    keep("connected")

    tab.click("#start")
    until_text(tab, "#chip", "Live")
    until(tab, "sightstream.counts.answered >= 5")
    assert text(tab, "#labels .name") != ""
    keep("live")

    first = tab.evaluate("document.querySelector('#model-choice').value")
    models = tab.evaluate("[...document.querySelector('#model-choice').options].map(({ value }) => value)")
    (other,) = set(models) - {first}
    assert text(tab, "#labels-model").startswith(first)
    tab.choose("#model-choice", other)
    until(tab, f"document.querySelector('#labels-model').textContent.startsWith('{other}')")
    until_text(tab, "#chip", "Live")
    keep("other-model")

    session = tab.evaluate("sightstream.session")
    with tab.opened_by("#stats") as stats:
        until(stats, "window.sightstream?.report?.answered >= 5")
        until_text(stats, "#state", "Live")
        assert stats.evaluate("sightstream.report.session") == session
        stats.screenshot(SCREENSHOTS / f"journey-{engine}-statistics.png")

    tab.click(".sample")
    until_text(tab, "#chip", "Picture")
    keep("picture")

    until_text(tab, "#start", "Stop")
    tab.click("#start")
    until(tab, "document.querySelector('#chip').hidden")
    until(tab, "sightstream.counts.pending === 0")
    sent = tab.evaluate("sightstream.counts.sent")
    assert tab.evaluate("document.querySelector('video').srcObject") is None
    keep("stopped")
    assert tab.evaluate("sightstream.counts.sent") == sent
