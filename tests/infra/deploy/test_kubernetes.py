"""The Kubernetes manifests agree with Kubernetes' schemas, with themselves, with the images and with the code."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from starlette.routing import Route

from streams.contract.settings import Settings, variable_of
from streams.contract.topics import frames_topic, group_of
from streams.health.liveness import Liveness
from streams.health.probes import answer
from streams.metrics import Metrics
from tests.infra.deploy.manifests import (
    DEPLOY,
    OVERLAYS,
    Object,
    documented_secrets,
    image_settings,
    kubernetes,
    of_kind,
    pods,
    settings_of,
    stop_s,
)
from tests.infra.deploy.test_docker import PROJECT, lines
from web.app import create_app

OLDEST, NEWEST = "1.31", "1.37"  # of Kubernetes; the older one is the first in which `sleep` before a stop is a given
CUSTOM = {"ScaledObject", "TriggerAuthentication", "PodMonitor"}  # of KEDA and the Prometheus operator
OURS = ("gateway", "worker", "topics")

overlays = pytest.mark.parametrize("overlay", OVERLAYS)


def labels(pod: Object) -> dict[str, str]:
    found: dict[str, str] = pod["metadata"]["labels"]
    return found


def selected(selector: Object, objects: list[Object]) -> set[str]:
    """The names of what makes the pods that a selector selects."""
    wanted = selector.get("matchLabels", selector if "matchLabels" not in selector else {})
    return {name for name, pod in pods(objects).items() if wanted.items() <= labels(pod).items()}


def container(pod: Object) -> Object:
    [only] = pod["spec"]["containers"]
    found: Object = only
    return found


def settings_map(objects: list[Object]) -> dict[str, str]:
    [found] = [
        each["data"] for name, each in of_kind(objects, "ConfigMap").items() if name.startswith("sightstream-")
    ]
    data: dict[str, str] = found
    return data


@pytest.mark.parametrize(("overlay", "version"), [("trial", OLDEST), ("production", NEWEST)])
def test_every_object_is_valid_by_kubernetes_own_schema(overlay: str, version: str) -> None:
    for each in kubernetes(overlay):
        if each["kind"] not in CUSTOM:
            kubernetes_validate.validate(each, version, strict=True)


@overlays
def test_every_selector_selects_the_pods_that_it_is_for(overlay: str) -> None:
    objects = kubernetes(overlay)
    for name, each in {**of_kind(objects, "Deployment"), **of_kind(objects, "StatefulSet")}.items():
        assert selected(each["spec"]["selector"], objects) == {name}
    for name, each in of_kind(objects, "Service").items():
        assert selected(each["spec"]["selector"], objects) == {name}
        [port] = each["spec"]["ports"]
        assert port["targetPort"] in {each["name"] for each in container(pods(objects)[name])["ports"]}
    for kind in ("PodDisruptionBudget", "PodMonitor"):
        for name, each in of_kind(objects, kind).items():
            assert selected(each["spec"]["selector"], objects) == {name}
    for kind in ("HorizontalPodAutoscaler", "ScaledObject"):
        for each in of_kind(objects, kind).values():
            assert each["spec"]["scaleTargetRef"]["name"] in of_kind(objects, "Deployment")


@overlays
def test_an_autoscaler_alone_decides_how_many_there_are(overlay: str) -> None:
    objects = kubernetes(overlay)
    scaled = {
        each["spec"]["scaleTargetRef"]["name"]
        for kind in ("HorizontalPodAutoscaler", "ScaledObject")
        for each in of_kind(objects, kind).values()
    }
    counted = {name for name, each in of_kind(objects, "Deployment").items() if "replicas" in each["spec"]}
    assert scaled | counted == {"gateway", "worker"}
    assert scaled & counted == set()


@overlays
def test_a_pod_has_no_rights_a_read_only_root_and_limits(overlay: str) -> None:
    for pod in pods(kubernetes(overlay)).values():
        spec, only = pod["spec"], container(pod)
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert only["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert only["resources"]["requests"].keys() == only["resources"]["limits"].keys() == {"cpu", "memory"}
        volumes = {each["name"] for each in spec["volumes"]} | {"data"}
        assert {each["name"] for each in only["volumeMounts"]} <= volumes


@overlays
def test_our_images_have_the_projects_version_and_run_as_the_user_that_they_are_made_for(overlay: str) -> None:
    for name, pod in pods(kubernetes(overlay)).items():
        image = container(pod)["image"]
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", image)
        if name in OURS:
            part = "worker" if name == "worker" else "gateway"
            assert image == f"sightstream/{part}:{PROJECT['version']}"
            assert lines(part, "USER") == [f"{pod['spec']['securityContext']['runAsUser']}:10001"]


@overlays
@pytest.mark.parametrize("part", OURS)
def test_the_settings_exist_and_are_accepted_with_those_of_the_image(
    overlay: str, part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = kubernetes(overlay)
    variables = settings_map(objects)
    hidden = {variable_of(name) for name, field in Settings.model_fields.items() if not field.repr}
    assert not hidden & variables.keys()  # secrets are files
    settings = settings_of(image_settings(part.replace("topics", "gateway")) | variables, tmp_path, monkeypatch)
    assert settings.replication >= settings.min_insync
    pod = pods(objects)[part]
    [secrets] = [each for each in container(pod)["volumeMounts"] if each["name"] == "secrets"]
    assert secrets["mountPath"] == variables["SIGHTSTREAM_SECRETS_DIR"]
    if settings.kafka_ca:
        assert settings.kafka_ca.startswith(f"{secrets['mountPath']}/")


@overlays
def test_probes_ask_paths_that_the_processes_answer_at_ports_that_they_have(overlay: str) -> None:
    routes = {route.path for route in create_app(Settings()).routes if isinstance(route, Route)}
    for part in ("gateway", "worker"):
        only = container(pods(kubernetes(overlay))[part])
        assert [str(each["containerPort"]) for each in only["ports"]] == lines(part, "EXPOSE")
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            path, port = only[probe]["httpGet"]["path"], only[probe]["httpGet"]["port"]
            assert port == only["ports"][0]["name"]
            answered = path in routes if part == "gateway" else answer(path, Metrics(), Liveness())[0] != 404
            assert answered, path
        assert only["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert only["readinessProbe"]["httpGet"]["path"] == "/readyz"


@overlays
def test_a_stop_takes_longer_than_the_code_needs_for_it(overlay: str) -> None:
    found = pods(kubernetes(overlay))
    before = container(found["gateway"])["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert found["gateway"]["spec"]["terminationGracePeriodSeconds"] > before + stop_s("gateway") + 2
    assert found["worker"]["spec"]["terminationGracePeriodSeconds"] > stop_s("worker") + 2


@overlays
def test_an_upgrade_starts_the_new_one_before_it_stops_an_old_one(overlay: str) -> None:
    for each in of_kind(kubernetes(overlay), "Deployment").values():
        assert each["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


@overlays
def test_the_guide_says_how_to_make_every_secret(overlay: str) -> None:
    volumes = [volume for pod in pods(kubernetes(overlay)).values() for volume in pod["spec"]["volumes"]]
    named = {each["secret"]["secretName"] for each in volumes if "secret" in each}
    assert len(named) == 3
    assert named <= documented_secrets()


def allows(policy: Object, direction: str, other: dict[str, str], namespace: str, port: str | int) -> bool:
    """Whether a policy lets its pods connect to, or be reached from, a pod with these labels in this namespace."""
    for rule in policy["spec"].get(direction.lower(), ()):
        ports = {each["port"] for each in rule["ports"]}
        for peer in rule["to" if direction == "Egress" else "from"]:
            spaces = peer.get("namespaceSelector", {}).get("matchLabels", {}).values()
            inside = namespace in spaces if spaces else namespace == "sightstream"
            wanted = peer.get("podSelector", {}).get("matchLabels", {})
            if inside and wanted.items() <= other.items() and port in ports:
                return True
    return False


def may(objects: list[Object], direction: str, pod: str, other: dict[str, str], namespace: str, port: Any) -> bool:
    """Whether the policies that select a pod allow a connection; without any policy everything is allowed."""
    own = labels(pods(objects)[pod])
    policies = [
        each
        for each in of_kind(objects, "NetworkPolicy").values()
        if direction in each["spec"]["policyTypes"]
        and each["spec"]["podSelector"].get("matchLabels", {}).items() <= own.items()
    ]
    return not policies or any(allows(each, direction, other, namespace, port) for each in policies)


@overlays
def test_the_network_policies_allow_what_is_needed_and_nothing_else(overlay: str) -> None:
    objects = kubernetes(overlay)
    kafka = {"app.kubernetes.io/name": "kafka"}
    space, port = ("sightstream", "kafka") if overlay == "trial" else ("kafka", 9093)
    for part in OURS:
        assert may(objects, "Egress", part, kafka, space, port)
        assert may(objects, "Egress", part, {}, "kube-system", 53)
        assert not may(objects, "Egress", part, {}, "elsewhere", 443)
        assert not may(objects, "Ingress", part, {}, "elsewhere", "http")
        assert may(objects, "Ingress", part, {}, "ingress", "http") == (part == "gateway")
    assert may(objects, "Ingress", "gateway", {}, "monitoring", "http")
    assert may(objects, "Ingress", "worker", {}, "monitoring", "metrics")
    assert not may(objects, "Ingress", "worker", {}, "ingress", "metrics")
    if overlay == "trial":
        for part in OURS:
            assert may(objects, "Ingress", "kafka", labels(pods(objects)[part]), "sightstream", "kafka")
        assert not may(objects, "Ingress", "kafka", {}, "elsewhere", "kafka")
        assert settings_map(objects)["SIGHTSTREAM_BROKER"] == "kafka:9092"


def test_keda_counts_the_lag_of_the_group_and_the_topic_that_workers_have() -> None:
    objects = kubernetes("production")
    settings = settings_map(objects)
    [scaled] = of_kind(objects, "ScaledObject").values()
    [kafka] = [each["metadata"] for each in scaled["spec"]["triggers"] if each["type"] == "kafka"]
    pool = settings.get("SIGHTSTREAM_POOL", "")
    assert (kafka["topic"], kafka["consumerGroup"]) == (frames_topic(pool), group_of(pool))
    assert kafka["bootstrapServers"] == settings["SIGHTSTREAM_BROKER"]
    assert scaled["spec"]["maxReplicaCount"] <= int(settings["SIGHTSTREAM_PARTITIONS"])
    assert kafka["sasl"] == settings["SIGHTSTREAM_KAFKA_SASL"].replace("-", "_").lower().replace("sha_", "sha")
    [login] = [
        each["authenticationRef"]["name"] for each in scaled["spec"]["triggers"] if "authenticationRef" in each
    ]
    references = of_kind(objects, "TriggerAuthentication")[login]["spec"]["secretTargetRef"]
    guide = (DEPLOY / "README.md").read_text()
    assert all(each["name"] in documented_secrets() and each["key"] in guide for each in references)


def test_prometheus_shows_gateways_the_token_that_they_have() -> None:
    objects = kubernetes("production")
    for part, monitor in of_kind(objects, "PodMonitor").items():
        [endpoint] = monitor["spec"]["podMetricsEndpoints"]
        assert endpoint["port"] == container(pods(objects)[part])["ports"][0]["name"]
        assert {each["targetLabel"] for each in endpoint["relabelings"]} == {"part", "process"}
    [endpoint] = of_kind(objects, "PodMonitor")["gateway"]["spec"]["podMetricsEndpoints"]
    credentials = endpoint["authorization"]["credentials"]
    volumes = pods(objects)["gateway"]["spec"]["volumes"]
    assert credentials["name"] in {each.get("secret", {}).get("secretName") for each in volumes}
    assert credentials["key"] == variable_of("operator_token").lower()


def test_the_ingress_leads_to_gateways_without_binding_a_browser_to_one() -> None:
    objects = kubernetes("production")
    [ingress] = of_kind(objects, "Ingress").values()
    [rule] = ingress["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    service = of_kind(objects, "Service")[backend["name"]]
    assert backend["port"]["name"] in {each["name"] for each in service["spec"]["ports"]}
    assert "sessionAffinity" not in service["spec"]
    assert not any("affinity" in name for name in ingress["metadata"]["annotations"])
    assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]
    assert int(ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-read-timeout"]) >= 3600
