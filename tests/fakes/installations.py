"""A process that can import only what an installation with one extra of the project has, as in a new environment."""

import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import distribution, packages_distributions

from packaging.requirements import Requirement

from tests import ROOT

# run before the code: what other distributions provide does not exist
_BLOCK = """
import importlib.abc, sys
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in FORBIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Block())
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *package: None if name.split(".")[0] in FORBIDDEN else find(name, *package)
"""


@cache
def needed(extra: str) -> frozenset[str]:
    """The distributions that ``pip install 'sightstream[extra]'`` brings, by their normalised names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    found: set[str] = set()
    waiting = [(Requirement(each), "") for each in [*project["dependencies"], *extras[extra]]]
    while waiting:
        requirement, of = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": of}):
            continue
        name = normalised(requirement.name)
        if name == normalised(project["name"]):
            waiting += [(Requirement(each), "") for extra in requirement.extras for each in extras[extra]]
            continue
        if name in found and not requirement.extras:
            continue
        found.add(name)
        requires = [Requirement(each) for each in distribution(name).requires or ()]
        waiting += [(each, extra) for extra in ("", *requirement.extras) for each in requires]
    return frozenset(found)


def run_with_only(extra: str, code: str) -> "subprocess.CompletedProcess[str]":
    """Run Python code in a process that finds only the distributions that ``extra`` brings."""
    allowed = needed(extra)
    forbidden = [
        module
        for module, names in packages_distributions().items()
        if not any(normalised(name) in {*allowed, "sightstream"} for name in names)
    ]
    code = f"FORBIDDEN = set({json.dumps(forbidden)})\n{_BLOCK}\n{code}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)


def normalised(name: str) -> str:
    """A distribution's name as PyPI compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()
