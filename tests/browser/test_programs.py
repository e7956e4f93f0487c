"""A test without its browser says what to install."""

import pytest

from tests.fakes.browser.programs import program

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("package", "ci", "outcome"),
    [
        ("chromium", "", pytest.skip.Exception),
        ("chromium", "true", pytest.fail.Exception),
        ("no-such-browser", "true", pytest.skip.Exception),  # this distribution has no such package
    ],
)
def test_a_browser_that_is_not_there_is_named(
    package: str, ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match=f"no browser-{package} on the PATH: install Debian's package {package}"):
        program(package, f"browser-{package}")
