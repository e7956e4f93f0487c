"""Which part of the project may import which: the arrows all point one way."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("streams", "web", "models", "training", "infra")

MAY_IMPORT = {
    "models": {"models"},
    "training": {"training", "models"},
    "streams": {"streams", "models"},
    # of the statistics, the pure part: what they are, not how they are kept
    "web": {
        "web",
        "streams.messages",
        "streams.settings",
        "streams.stats",
        "streams.steady",
        "streams.histogram",
        "streams.history",
        "streams.meters",
        "streams.logs",
    },
    "infra": set(PARTS),
}
# scripts to run, which read the settings as the command line does
ENTRY_POINTS = {"training/runs": {"training", "models", "streams.settings"}}


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
    return ENTRY_POINTS.get(folder, MAY_IMPORT[folder.split("/")[0]])


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


@pytest.mark.parametrize(
    "module", ["messages", "settings", "stats", "steady", "histogram", "history", "freshness", "meters", "logs"]
)
def test_what_others_read_of_streams_imports_no_network(module: str) -> None:
    names = set(imports(ROOT / "streams" / f"{module}.py"))
    assert not any(inside(name, {"models"}) for name in names)


def test_the_gateway_loads_neither_tensorflow_nor_openvino_nor_numpy() -> None:
    code = (
        "import sys, web.app; print([m for m in ('tensorflow', 'openvino', 'numpy', 'models') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert loaded.stdout.strip() == "[]"
