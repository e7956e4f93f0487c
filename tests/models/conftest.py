"""Real models, built once for all the tests that need them."""

from pathlib import Path

import pytest

from models.bundle import Bundle, published


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def lite0(cache: Path) -> Bundle:
    return published("efficientnet_lite0", cache)
