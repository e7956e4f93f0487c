"""What all tests share."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import RunningStack, running_stack

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of sample pictures, videos and weights that are not part of the project."""
    folder = Path(os.environ.get("SIGHTSTREAM_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no sample data at {folder}; SIGHTSTREAM_TEST_DATA names another folder")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """Debian's Chromium; under CI=true a machine without it fails the tests instead of skipping them."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        message = "no Chromium on this machine: `apt-get install chromium` gives one"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One running stack for all tests that do no harm to it, with the lightest network."""
    with running_stack(tmp_path_factory.mktemp("stack"), "--model", "efficientnet_lite0") as running:
        yield running
