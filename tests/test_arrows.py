"""Which part of the project may import which: the arrows all point one way."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT

PARTS = ("streams", "web", "models", "training", "infra")

MAY_IMPORT = {
    "models": {"models"},
    "training": {"training", "models"},
    "streams": {"streams", "models"},
    "streams/contract": {"streams.contract"},
    "web": {"web", "streams.contract"},
    "infra": set(PARTS),
}
# scripts to run, which read the settings as the command line does
ENTRY_POINTS = {"training/runs": {"training", "models", "streams.contract.settings"}}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{each.name}" for each in node.names)


def inside(name: str, allowed: set[str]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in allowed)


def may_import(path: Path) -> set[str]:
    folder = path.parent.relative_to(ROOT).as_posix()
    return (ENTRY_POINTS | MAY_IMPORT).get(folder, MAY_IMPORT[folder.split("/")[0]])


@pytest.mark.parametrize("part", PARTS)
def test_each_part_imports_only_what_it_may(part: str) -> None:
    files = sorted((ROOT / part).rglob("*.py"))
    assert files
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imports(path)
        if name.split(".")[0] in PARTS and not inside(name, may_import(path))
    ]
    assert wrong == []


def test_the_gateway_loads_neither_tensorflow_nor_openvino_nor_numpy() -> None:
    code = (
        "import sys, web.app; print([m for m in ('tensorflow', 'openvino', 'numpy', 'models') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert loaded.stdout.strip() == "[]"
