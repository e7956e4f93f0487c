"""The page can be installed as an app, also under a path that a proxy adds."""

from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import BrowserContext

from streams.contract.settings import Settings
from tests.fakes.gateway import EmptyStatsReader, InstantBroker
from tests.fakes.reverse_proxy import ReverseProxy, behind_proxy
from web.app import create_app

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("settings", [{}, {"root_path": "/a/vision"}], ids=["strips without a word", "strips"])
def test_chromium_finds_nothing_wrong_with_it(context: BrowserContext, settings: dict[str, Any]) -> None:
    app = create_app(Settings(**settings), InstantBroker, EmptyStatsReader)
    with behind_proxy(app, ReverseProxy(0, "/a/vision")) as proxy:
        page = context.new_page()
        page.goto(proxy.url)
        chromium = context.new_cdp_session(page)
        # that a window is private is said of every context of a test
        assert [
            each["errorId"]
            for each in chromium.send("Page.getInstallabilityErrors")["installabilityErrors"]
            if each["errorId"] != "in-incognito"
        ] == []
        found = chromium.send("Page.getAppManifest")
        assert found["errors"] == []
        assert found["url"] == f"{proxy.url}manifest.webmanifest"
        manifest = page.evaluate("url => fetch(url).then((got) => got.json())", found["url"])
        assert urljoin(found["url"], manifest["start_url"]) == proxy.url
        for icon in manifest["icons"]:
            size = page.evaluate(
                """async (url) => {
                  const icon = await createImageBitmap(await (await fetch(url)).blob());
                  return `${icon.width}x${icon.height}`;
                }""",
                urljoin(found["url"], icon["src"]),
            )
            assert size == icon["sizes"]
        assert proxy.strays == []
