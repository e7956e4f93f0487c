"""Fixtures that all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from models.bundle import Bundle
from models.catalog import published
from tests import ROOT
from tests.running_stack import OPERATOR_TOKEN, RunningStack, running_stack

# a shared machine may stand still for a second, which says nothing about the code
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of sample pictures, videos and weights, which are not part of the project."""
    folder = Path(os.environ.get("SIGHTSTREAM_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no sample data at {folder}; SIGHTSTREAM_TEST_DATA names another folder")
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of the models that the tests build, each once for all processes of this run."""
    folder = tmp_path_factory.getbasetemp()
    cache = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "cache"
    cache.mkdir(exist_ok=True)
    return cache


@pytest.fixture(scope="session")
def lite0(cache: Path) -> Bundle:
    return published("efficientnet_lite0", cache)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One running stack for all tests that do not disturb it, with the default network and a smaller one."""
    models = ("--model", "efficientnet_lite2", "--model", "efficientnet_lite0")
    with running_stack(tmp_path_factory.mktemp("stack"), *models, operator_token=OPERATOR_TOKEN) as running:
        yield running
