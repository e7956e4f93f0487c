"""The files for Prometheus and Grafana: all metrics, labels and paths in them exist."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml

from infra.local.scrape_targets import write_targets
from streams.contract.outcomes import Hop, Outcome
from streams.contract.prometheus import Counter, Histogram, Metric
from streams.metrics import Metrics as WorkerMetrics
from tests import ROOT
from web.metrics import Metrics as GatewayMetrics

DEPLOY = ROOT / "infra" / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "sightstream.json").read_text())
EXPRESSIONS = [
    (panel["title"], target["expr"], target["legendFormat"])
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
]

FROM_TARGETS = {"job", "instance", "part", "process"}  # every sample has these, from its target
OF_PROCESSES = {"process_cpu_seconds_total", "process_resident_memory_bytes"}  # from prometheus_client itself
METRICS = (*GatewayMetrics().declared, *WorkerMetrics().declared)


def samples(metric: Metric) -> set[str]:
    """The names under which Prometheus stores a metric."""
    if isinstance(metric, Histogram):
        return {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")}
    return {metric.name}


LABELS: dict[str, set[str]] = {
    sample: {*metric.labels, *({"le"} if sample.endswith("_bucket") else ())}
    for metric in METRICS
    for sample in samples(metric)
} | {name: set() for name in OF_PROCESSES}


VARIABLES = {each["name"]: each for each in DASHBOARD["templating"]["list"]}


def parse(expression: str) -> Any:
    return promql.parse(expression.replace("$__rate_interval", "1m"))


def selectors(node: Any) -> Iterator[Any]:
    """All the vector selectors in an expression."""
    match node:
        case promql.VectorSelector():
            yield node
        case promql.MatrixSelector():
            yield node.vector_selector
        case promql.AggregateExpr() | promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            yield from selectors(node.expr)
        case promql.BinaryExpr():
            yield from selectors(node.lhs)
            yield from selectors(node.rhs)
        case promql.Call():
            for each in node.args:
                yield from selectors(each)


def aggregations(node: Any) -> Iterator[Any]:
    """All the aggregations in an expression."""
    match node:
        case promql.AggregateExpr():
            yield node
            yield from aggregations(node.expr)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            yield from aggregations(node.expr)
        case promql.BinaryExpr():
            yield from aggregations(node.lhs)
            yield from aggregations(node.rhs)
        case promql.Call():
            for each in node.args:
                yield from aggregations(each)


def unknown(expression: str, legend: str = "") -> list[str]:
    """The metrics and labels in an expression or its legend that no process has."""
    tree = parse(expression)
    wrong = [each.name for each in selectors(tree) if each.name not in LABELS]
    for each in selectors(tree):
        known = LABELS.get(each.name, set()) | FROM_TARGETS
        wrong += [matcher.name for matcher in each.matchers.matchers if matcher.name not in known]
    for each in aggregations(tree):
        known = set.intersection(*(LABELS.get(inner.name, set()) for inner in selectors(each))) | FROM_TARGETS
        wrong += [label for label in (each.modifier.labels if each.modifier else ()) if label not in known]
    shown = {part.split("}}")[0].strip() for part in legend.split("{{")[1:]}
    grouped = [set(each.modifier.labels) if each.modifier else set() for each in aggregations(tree)]
    for label in shown:
        kept = all(label in labels for labels in grouped)
        if not kept or any(label not in LABELS[each.name] | FROM_TARGETS for each in selectors(tree)):
            wrong.append(f"{{{{{label}}}}}")
    return wrong


@pytest.mark.parametrize(("title", "expression", "legend"), EXPRESSIONS)
def test_a_panel_asks_only_for_metrics_and_labels_that_exist(title: str, expression: str, legend: str) -> None:
    assert list(selectors(parse(expression)))
    assert unknown(expression, legend) == [], title


@pytest.mark.parametrize(
    ("expression", "legend"),
    [
        ("sightstream_gateway_drops", ""),
        ("sum by (colour) (sightstream_gateway_drops_total)", ""),
        ('sightstream_gateway_drops_total{model="x"}', ""),
        ("sum by (reason) (rate(sightstream_gateway_drops_total[1m]))", "{{stage}}"),
        ("sightstream_gateway_ready / sightstream_gateway_hop_seconds", ""),
    ],
)
def test_unknown_metrics_and_labels_are_found(expression: str, legend: str) -> None:
    assert unknown(expression, legend)


def test_the_dashboard_shows_every_metric_of_gateway_and_worker_but_the_sockets() -> None:
    asked = {each.name for _, expression, _ in EXPRESSIONS for each in selectors(parse(expression))}
    not_shown = {metric.name for metric in METRICS if not samples(metric) & asked}
    assert not_shown == {"sightstream_gateway_sockets"}


def test_every_panel_says_what_it_shows_in_which_unit_and_what_is_bad() -> None:
    units = ("seconds", "frames a second", "messages a second", "a number", "in bytes", "core", "whether", "version")
    for panel in DASHBOARD["panels"]:
        text = panel["description"]
        assert "Bad: " in text, panel["title"]
        assert any(unit in text.lower() for unit in units), panel["title"]


def matchers(selector: Any) -> set[tuple[str, str, str]]:
    return {(each.name, str(each.op), each.value) for each in selector.matchers.matchers}


@pytest.mark.parametrize(("title", "expression", "legend"), EXPRESSIONS)
def test_a_panel_shows_only_the_instances_workers_and_models_that_are_chosen(
    title: str, expression: str, legend: str
) -> None:
    for each in selectors(parse(expression)):
        expected = {("instance", "MatchOp.Re", "$instance")}
        if each.name.startswith("sightstream_worker_"):
            expected.add(("process", "MatchOp.Re", "$worker"))
        if "model" in LABELS[each.name]:
            expected.add(("model", "MatchOp.Re", "$model"))
        if each.name in OF_PROCESSES:  # which other programs have, too
            expected.add(("job", "MatchOp.Re", "sightstream.*"))
        assert matchers(each) == expected, (title, legend)


def test_one_chooses_from_what_prometheus_knows_and_at_first_all() -> None:
    assert [*VARIABLES] == ["instance", "worker", "model"]
    earlier: list[str] = []
    for name, variable in VARIABLES.items():
        query = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
        assert query
        [selector] = selectors(parse(query[1]))
        assert selector.name == "up" or unknown(query[1]) == []
        assert query[2] in FROM_TARGETS | LABELS.get(selector.name, set())
        assert all(f"${each}" in query[1] for each in earlier)  # one chooses only what the choices before leave
        assert variable["multi"]
        assert variable["includeAll"]
        assert variable["current"]["value"] == ["$__all"]
        earlier.append(name)


def renamed(panel: dict[str, Any], name: str) -> str:
    """A series' name as Grafana shows it; a pattern between slashes may fit anywhere in the name."""
    for each in panel.get("transformations", ()):
        if each["id"] == "renameByRegex":
            pattern = re.fullmatch("/(.*)/", each["options"]["regex"])
            assert pattern, "Grafana anchors a pattern without slashes"
            name = re.sub(pattern[1], each["options"]["renamePattern"], name)
    return name


@pytest.mark.parametrize(("label", "kind"), [("reason", Outcome), ("hop", Hop)])
def test_outcomes_and_hops_have_their_words_for_people(label: str, kind: type[Outcome | Hop]) -> None:
    codes = {"reason": [each for each in Outcome if each != Outcome.ANSWERED], "hop": [*Hop]}[label]
    found = 0
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            if f"{{{{{label}}}}}" in (legend := target["legendFormat"]):
                found += 1
                for code in codes:
                    shown = renamed(panel, legend.replace(f"{{{{{label}}}}}", code))
                    assert shown == legend.replace(f"{{{{{label}}}}}", kind(code).words)
            elif legend == Outcome.EXPIRED:
                assert renamed(panel, legend) == Outcome.EXPIRED.words
    assert found


def test_metrics_are_named_once_and_as_prometheus_wants_them() -> None:
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))
    for metric in METRICS:
        assert metric.name.startswith("sightstream_")
        assert metric.name.endswith("_total") == isinstance(metric, Counter)


def test_panels_fit_the_grid_without_overlap_and_use_the_provisioned_source() -> None:
    [source] = yaml.safe_load((DEPLOY / "grafana" / "datasources" / "sightstream.yml").read_text())["datasources"]
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["datasource"]["uid"] == source["uid"]
        assert all(target["datasource"]["uid"] == source["uid"] for target in panel["targets"])
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_grafana_finds_the_dashboard_beside_its_provider() -> None:
    [provider] = yaml.safe_load((DEPLOY / "grafana" / "dashboards" / "sightstream.yml").read_text())["providers"]
    folder = provider["options"]["path"].replace("$GF_PATHS_PROVISIONING", str(DEPLOY / "grafana"))
    assert list(Path(folder).glob("*.json")) == [DEPLOY / "grafana" / "dashboards" / "sightstream.json"]


def test_every_target_of_a_stack_has_the_labels_that_panels_may_use(tmp_path: Path) -> None:
    groups = json.loads(
        write_targets(tmp_path, {"gateway-1": "127.0.0.1:8000"}, {"worker-1": "127.0.0.1:20001"}).read_text()
    )
    assert len(groups) == 2
    assert all({"job", "instance", *each["labels"]} == FROM_TARGETS for each in groups)


def test_the_container_mounts_the_folder_that_holds_the_dashboard() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"]
    source, target, _ = services["grafana"]["volumes"][0].split(":")
    assert (DEPLOY / source / "dashboards").is_dir()
    assert target == "/etc/grafana/provisioning"
