"""The files of infra/deploy as data: Dockerfiles, compose files and Kubernetes manifests."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.contract.settings import Settings
from tests import ROOT

DEPLOY = ROOT / "infra" / "deploy"
OVERLAYS = ("trial", "production")
PREFIX = "SIGHTSTREAM_"

Object = dict[str, Any]


class ComposeLoader(yaml.SafeLoader):
    """Reads compose's own tag: ``!reset []`` removes what an earlier file has."""


ComposeLoader.add_constructor("!reset", lambda loader, node: [])


def compose(name: str = "compose.yml") -> Object:
    """A compose file."""
    loaded: Object = yaml.load((DEPLOY / name).read_text(), ComposeLoader)
    return loaded


@dataclass(frozen=True)
class Instruction:
    """A line of a Dockerfile, and the stage that it is in; "" is the last stage, which becomes the image."""

    stage: str
    name: str
    text: str


def dockerfile(part: str) -> list[Instruction]:
    """The instructions of a Dockerfile, without comments, each on one line."""
    lines = [line for line in (DEPLOY / "docker" / f"{part}.Dockerfile").read_text().splitlines() if line[:1] != "#"]
    found, stage = [], "before"
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        name, _, text = line.partition(" ")
        if name == "FROM":
            stage = text.partition(" AS ")[2]
        if name:
            found.append(Instruction(stage, name, text))
    return found


def image_settings(part: str) -> dict[str, str]:
    """The variables SIGHTSTREAM_* that an image sets."""
    defaults = dict(each.text.split("=", 1) for each in dockerfile(part) if each.name == "ARG" and "=" in each.text)
    text = " ".join(each.text for each in dockerfile(part) if (each.stage, each.name) == ("", "ENV"))
    pairs = (pair.split("=", 1) for pair in text.split())
    return {name: defaults.get(value[1:], value) for name, value in pairs if name.startswith(PREFIX)}


@cache
def _built(overlay: str) -> str:
    kustomize = ["kustomize", "build"] if shutil.which("kustomize") else ["kubectl", "kustomize"]
    if shutil.which(kustomize[0]) is None:
        pytest.skip("neither kustomize nor kubectl is installed: the manifests cannot be put together")
    folder = DEPLOY / "kubernetes" / "overlays" / overlay
    return subprocess.run([*kustomize, str(folder)], capture_output=True, text=True, check=True).stdout


def kubernetes(overlay: str) -> list[Object]:
    """The objects of an overlay, as kustomize puts them together."""
    return [json.loads(json.dumps(each)) for each in yaml.safe_load_all(_built(overlay))]


def of_kind(objects: list[Object], kind: str) -> dict[str, Object]:
    """The objects of a kind by name."""
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def pods(objects: list[Object]) -> dict[str, Object]:
    """The templates of all pods, by the name of what makes them."""
    return {
        each["metadata"]["name"]: each["spec"]["template"] for each in objects if "template" in each.get("spec", {})
    }


def documented_secrets() -> set[str]:
    """The names of the Kubernetes secrets that the guide says how to make."""
    guide = (DEPLOY / "README.md").read_text()
    [parts] = re.findall(r"for part in ([\w ]+);", guide)
    names = re.findall(r"create secret generic (\S+)", guide)
    return {name.replace("$part", part) for name in names for part in parts.split()}


def settings_of(variables: dict[str, str], tmp_path: Path, patch: pytest.MonkeyPatch) -> Settings:
    """The settings of a process with these variables. Raises BadSetting as the process would."""
    secrets = tmp_path / "secrets"
    secrets.mkdir(exist_ok=True)
    for name in variables:
        patch.setenv(name, variables[name])
    patch.setenv("SIGHTSTREAM_SECRETS_DIR", str(secrets))
    patch.chdir(tmp_path)
    return Settings.from_environ()


def variables(text: str) -> Iterator[str]:
    """The names of all settings that a text mentions."""
    yield from re.findall(r"\bSIGHTSTREAM_[A-Z_]+", text)


def stop_s(part: str) -> float:
    """The longest time, in seconds, that the code of a process takes to stop after SIGTERM."""
    files = {
        "worker": (ROOT / "streams").rglob("*.py"),
        "gateway": [*(ROOT / "web").rglob("*.py"), ROOT / "infra" / "commands" / "gateway.py"],
    }
    text = "".join(path.read_text() for path in files[part])
    times = re.findall(r"^ *(?:STOP_S|timeout_graceful_shutdown) ?= ?([\d.]+)", text, re.MULTILINE)
    assert len(times) == {"worker": 1, "gateway": 2}[part]  # a gateway: its sockets, then what waits to be sent
    return sum(map(float, times))
