import subprocess
import sys
from pathlib import Path

import pytest

from models.bundle import Bundle, Manifest
from models.engines.base import EngineOptions
from models.engines.registry import ENGINES, UnknownEngine, open_engine
from models.networks import Head, facts

PETS = Manifest("pets", facts("efficientnet_lite0"), Head(2), ("cat", "dog"))


def test_unknown_engine_is_named_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(UnknownEngine, match=f"'onnx'.*{ENGINES[0]}"):
        open_engine(Bundle(tmp_path, PETS, ""), EngineOptions(tmp_path, "onnx"))


def test_names_of_the_engines_need_neither_the_engines_nor_numpy() -> None:
    code = (
        "import sys, models.engines.registry; print({'tensorflow', 'keras', 'openvino', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.model
@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_opens_under_its_name(engine: str, lite0: Bundle, cache: Path) -> None:
    opened = open_engine(lite0, EngineOptions(cache, engine))
    assert opened.name == engine
    opened.close()
