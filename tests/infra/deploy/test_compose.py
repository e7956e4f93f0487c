"""The compose files agree with themselves, the images and the code. There is no engine here: nothing is started."""

import json
import re
import subprocess
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from streams.contract.settings import PREFIX, Settings, variable_of
from tests.infra.deploy.manifests import DEPLOY, compose, dockerfile, image_settings, settings_of, stop_s
from tests.infra.deploy.test_docker import PROJECT, lines

SERVICES: dict[str, dict[str, Any]] = compose()["services"]
OURS = ("topics", "worker", "gateway")


def schema() -> Any:
    path = distribution("check-jsonschema").locate_file("check_jsonschema/builtin_schemas/vendor/compose-spec.json")
    return json.loads(Path(str(path)).read_text())


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


@pytest.mark.parametrize("name", ["compose.yml", "monitoring.compose.yml"])
def test_a_compose_file_is_one_by_composes_own_schema(name: str) -> None:
    jsonschema.Draft7Validator(schema()).validate(compose(name))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_can_write_only_to_volumes_and_temporary_folders_and_has_limits(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys()
    for volume in service.get("volumes", ()):
        source, _, *options = volume.split(":")
        assert options == ["ro"] if source.startswith(".") else source in compose()["volumes"]


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_has_a_version_and_a_health_check_but_where_it_ends_by_itself(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"])
    if "build" in service:
        assert service["image"].endswith(f":{PROJECT['version']}")
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    part = "gateway" if "gateway" in service["image"] else "worker"
    assert "healthcheck" in service or lines(part, "HEALTHCHECK")


@pytest.mark.parametrize("name", OURS)
def test_the_settings_of_a_service_exist_and_are_accepted_with_those_of_its_image(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = SERVICES[name]["environment"]
    part = "worker" if name == "worker" else "gateway"
    settings = settings_of(image_settings(part) | environment, tmp_path, monkeypatch)
    assert settings.partitions >= SERVICES["worker"]["deploy"]["replicas"]
    hidden = {variable_of(name) for name, field in Settings.model_fields.items() if not field.repr}
    assert not hidden & environment.keys()  # secrets are files
    assert settings.broker == ("kafka:9092",)


def test_every_secret_is_a_setting_that_is_never_shown_and_comes_from_a_file_that_git_ignores() -> None:
    secrets = compose()["secrets"]
    hidden = {variable_of(name).lower() for name, field in Settings.model_fields.items() if not field.repr}
    assert secrets.keys() <= hidden
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", ())}
    assert used == secrets.keys()
    for name, secret in secrets.items():
        assert secret == {"file": f"secrets/{name}"}
    ignored = subprocess.run(["git", "check-ignore", "-q", str(DEPLOY / "secrets" / "x")], cwd=DEPLOY, check=False)
    assert ignored.returncode in (0, 128)  # 128: this is no git repository
    guide = (DEPLOY / "README.md").read_text()
    assert all(name in guide for name in secrets)


def test_a_stop_takes_longer_than_the_code_needs_for_it() -> None:
    assert seconds(SERVICES["worker"]["stop_grace_period"]) > stop_s("worker") + 2
    assert seconds(SERVICES["gateway"]["stop_grace_period"]) > stop_s("gateway") + 2


def test_gateways_and_workers_start_when_kafka_has_their_topics() -> None:
    assert SERVICES["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    assert SERVICES["topics"]["command"] == ["topics", "--create"]
    for name in ("worker", "gateway"):
        assert SERVICES[name]["depends_on"] == {"topics": {"condition": "service_completed_successfully"}}


def test_only_our_services_reach_kafka_and_only_this_machine_reaches_the_others() -> None:
    assert compose()["networks"]["kafka"] == {"internal": True}
    assert {name for name, each in SERVICES.items() if "kafka" in each.get("networks", ())} == {"kafka", *OURS}
    published = [port for each in SERVICES.values() for port in each.get("ports", ())]
    assert all(port.startswith("127.0.0.1:") for port in published)
    [ports] = SERVICES["gateway"]["ports"]
    first, last = map(int, ports.split(":")[1].split("-"))
    assert last - first + 1 == SERVICES["gateway"]["deploy"]["replicas"]
    assert ports.split(":")[2] == lines("gateway", "EXPOSE")[0]


def test_kafka_says_the_address_that_its_clients_are_given() -> None:
    [file] = SERVICES["kafka"]["env_file"]
    pairs = [line.split("=", 1) for line in (DEPLOY / file).read_text().splitlines() if line[:1] != "#"]
    kafka = dict(pairs)
    assert (
        kafka["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://{SERVICES['worker']['environment'][f'{PREFIX}BROKER']}"
    )
    assert kafka["KAFKA_LISTENERS"].startswith("PLAINTEXT://:9092,")
    data = kafka["KAFKA_LOG_DIRS"]
    assert f"kafka:{data}" in SERVICES["kafka"]["volumes"]


def test_prometheus_asks_each_gateway_and_worker_where_it_answers() -> None:
    folder = DEPLOY / "prometheus"
    [pattern] = yaml.safe_load((folder / "prometheus.yml").read_text())["scrape_config_files"]
    assert [path.name for path in folder.glob(pattern)] == ["scrape_compose.yml"]
    jobs = yaml.safe_load((folder / "scrape_compose.yml").read_text())["scrape_configs"]
    asked = {job["dns_sd_configs"][0]["names"][0]: job for job in jobs}
    assert asked.keys() == {"gateway", "worker"}
    for part, job in asked.items():
        assert job["job_name"].startswith("sightstream")  # as alerts and panels expect
        assert str(job["dns_sd_configs"][0]["port"]) == lines(part, "EXPOSE")[0]
        assert {each["target_label"] for each in job["relabel_configs"]} == {"part", "process"}
        assert "default" in SERVICES[part]["networks"]
    token = asked["gateway"]["authorization"]["credentials_file"].removeprefix("/run/secrets/")
    assert token in SERVICES["prometheus"]["secrets"]
    assert token in SERVICES["gateway"]["secrets"]


def test_grafana_asks_prometheus_where_it_answers() -> None:
    [source] = yaml.safe_load((DEPLOY / "grafana" / "datasources" / "sightstream.yml").read_text())["datasources"]
    name = source["url"].removeprefix("$")
    assert SERVICES["grafana"]["environment"][name] == "http://prometheus:9090"
    monitoring = compose("monitoring.compose.yml")["services"]
    assert (
        f"--web.listen-address={monitoring['grafana']['environment'][name].removeprefix('http://')}"
        in (monitoring["prometheus"]["command"])
    )
    assert f"{name}=http://127.0.0.1:9090" in (DEPLOY / "monitoring.md").read_text()


def test_the_monitoring_of_a_stack_on_this_machine_changes_services_that_exist_and_reads_that_stacks_files() -> None:
    monitoring = compose("monitoring.compose.yml")["services"]
    assert monitoring.keys() < SERVICES.keys()
    assert all(each["network_mode"] == "host" for each in monitoring.values())
    assert not any("networks" in SERVICES[name] for name in monitoring)  # both together are an error
    assert monitoring["prometheus"]["volumes"][0].endswith("/prometheus:/etc/prometheus:ro")


def test_the_commands_of_the_images_are_those_of_the_project() -> None:
    assert lines("gateway", "ENTRYPOINT") == ['["sightstream"]']
    assert lines("gateway", "CMD") == ['["gateway"]']
    assert json.loads(lines("worker", "CMD")[0])[:5] == ["faust", "--quiet", "-A", "streams.worker", "worker"]
    assert [each for each in dockerfile("worker") if each.name == "ENTRYPOINT"] == []
