"""What may import what: layers by folder, no cycles. And no crowded folder, and no test file without its module."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests import ROOT

PARTS = ("streams", "web", "models", "training", "infra")
CONTRACT = "streams.contract"

# by folder, the most specific one counts: what its modules may import of the project
MAY_IMPORT = {
    "models": {"models"},
    "training": {"training", "models"},
    "training/runs": {
        "training",
        "models",
        f"{CONTRACT}.settings",
        "infra.commands.edge",
    },  # scripts: they end like a command
    "streams": {"streams", "models"},
    "streams/contract": {CONTRACT},
    "web": {"web", CONTRACT},
    "infra": {"infra", "web", "training", "models", CONTRACT},
    # the simulation decides as workers do: with their pure functions
    "infra/scaling": {"infra", "web", "training", "models", CONTRACT, "streams.scheduling", "streams.fair_share"},
}
MOST_MODULES = 14  # in a folder
FREE_TESTS = {"integration", "browser", "faults", "fakes"}  # test folders that mirror no module


def modules(root: Path) -> dict[str, Path]:
    """The files of all modules of the project in ``root``, by dotted name; a package has the name of its folder."""
    files = [path for part in PARTS for path in sorted((root / part).rglob("*.py"))]
    return {".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


def imports(path: Path, known: set[str]) -> Iterator[str]:
    """The modules of the project that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            full = [f"{node.module}.{each.name}" for each in node.names]
            names = [name if name in known else node.module for name in full]
        yield from (name for name in names if name.split(".")[0] in PARTS)


def against_layers(root: Path) -> list[str]:
    files = modules(root)
    found: list[str] = []
    for path in files.values():
        folder = path.parent.relative_to(root)
        layer = next(each for each in (folder, *folder.parents) if each.as_posix() in MAY_IMPORT)
        allowed = MAY_IMPORT[layer.as_posix()]
        found += [
            f"{path.relative_to(root)} imports {name}"
            for name in imports(path, set(files))
            if not any(name == each or name.startswith(f"{each}.") for each in allowed)
        ]
    return found


def cycle(root: Path) -> list[str]:
    files = modules(root)
    graph = {name: set(imports(path, set(files))) - {name} for name, path in files.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def crowded_folders(root: Path) -> list[str]:
    counts: dict[Path, int] = {}
    for path in modules(root).values():
        counts[path.parent] = counts.get(path.parent, 0) + (not path.name.startswith("__"))
    return [
        f"{folder.relative_to(root)} has {count} modules" for folder, count in counts.items() if count > MOST_MODULES
    ]


def orphan_tests(root: Path) -> list[str]:
    """``tests/web/test_hub.py`` and ``tests/web/test_hub_limits.py`` belong to ``web/hub.py``."""
    found = []
    for path in sorted((root / "tests").rglob("test_*.py")):
        folder = path.parent.relative_to(root / "tests")
        if not folder.parts or folder.parts[0] in FREE_TESTS:
            continue
        name = path.stem.removeprefix("test_")
        stems = {each.stem for each in (root / folder).glob("*")}
        if not any(name == stem or name.startswith(f"{stem}_") for stem in stems):
            found.append(f"{path.relative_to(root)} tests no module of {folder}")
    return found


def test_each_part_imports_only_what_it_may() -> None:
    assert against_layers(ROOT) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert cycle(ROOT) == []


def test_no_folder_is_crowded() -> None:
    assert crowded_folders(ROOT) == []


def test_every_test_file_has_its_module() -> None:
    assert orphan_tests(ROOT) == []


def test_the_gateway_loads_neither_tensorflow_nor_openvino_nor_numpy() -> None:
    code = (
        "import sys, web.app; print([m for m in ('tensorflow', 'openvino', 'numpy', 'models') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert loaded.stdout.strip() == "[]"


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_an_import_against_the_layers_is_found(tmp_path: Path) -> None:
    root = write(tmp_path, streams__agents="", web__hub="def late():\n    from streams.agents import classify\n")
    assert against_layers(root) == ["web/hub.py imports streams.agents"]


def test_an_import_of_the_contract_is_allowed_and_the_contract_may_import_only_itself(tmp_path: Path) -> None:
    root = write(tmp_path, web__hub="from streams.contract import settings", streams__contract__settings="")
    assert against_layers(root) == []
    write(root, models__gate="", streams__contract__settings="import models.gate")
    assert against_layers(root) == ["streams/contract/settings.py imports models.gate"]


def test_a_cycle_is_found_also_where_one_import_is_inside_a_function(tmp_path: Path) -> None:
    root = write(tmp_path, models__a="import models.b", models__b="def late():\n    from models import a\n")
    assert set(cycle(root)) == {"models.a", "models.b"}


def test_a_crowded_folder_is_found(tmp_path: Path) -> None:
    names = {f"web__m{number}": "" for number in range(MOST_MODULES)}
    root = write(tmp_path, **names, web____init__="")
    assert crowded_folders(root) == []
    write(root, web__one_more="")
    assert crowded_folders(root) == ["web has 15 modules"]


def test_a_test_file_without_its_module_is_found(tmp_path: Path) -> None:
    root = write(
        tmp_path, web__hub="", tests__web__test_hub="", tests__web__test_hub_limits="", tests__faults__test_x=""
    )
    assert orphan_tests(root) == []
    write(root, tests__web__test_gone="")
    assert orphan_tests(root) == ["tests/web/test_gone.py tests no module of web"]
